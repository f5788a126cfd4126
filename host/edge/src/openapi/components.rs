//! Components of several documents: which of them are equal, and their names in the merged
//! document.

use std::collections::{HashMap, HashSet};

use super::MergeError;
use super::document::Document;
use super::names::{Key, Name, component, prefixed, security_scheme, visit};
use super::node::Node;

/// A component of one of the documents.
struct Part {
    document: usize,
    key: Key,
    node: Node,
    /// Indexes of the components that it refers to, in the order of its references.
    targets: Vec<usize>,
}

/// New names of components, by document and old name.
pub(super) struct Renames(HashMap<(usize, Key), String>);

impl Renames {
    /// Chooses the names of the components of `documents` in the merged document. Components with
    /// equal content and equal targets become one. Others that share a name get their plugin's name
    /// as a prefix.
    ///
    /// # Errors
    /// Returns an error if a reference leads to no component.
    pub(super) fn new(documents: &mut [Document]) -> Result<Self, MergeError> {
        let parts = parts(documents)?;
        let classes = classes(&parts);
        let mut by_key: HashMap<&Key, HashSet<usize>> = HashMap::new();
        for (part, class) in parts.iter().zip(&classes) {
            by_key.entry(&part.key).or_default().insert(*class);
        }
        let mut taken: HashSet<Key> = parts.iter().map(|part| part.key.clone()).collect();
        let mut names: HashMap<usize, String> = HashMap::new();
        let mut renames = HashMap::new();
        for (part, class) in parts.iter().zip(&classes) {
            if by_key.get(&part.key).is_some_and(|same| same.len() == 1) {
                continue;
            }
            let name = names.entry(*class).or_insert_with(|| {
                let plugin = documents.get(part.document);
                let plugin = plugin.map_or("", |document| &document.plugin);
                free_name(&prefixed(plugin, &part.key.1), &part.key.0, &mut taken)
            });
            renames.insert((part.document, part.key.clone()), name.clone());
        }
        Ok(Self(renames))
    }

    /// Returns the new name of a component of the document with this index.
    pub(super) fn name<'a>(&'a self, document: usize, key: &'a Key) -> &'a str {
        let renamed = self.0.get(&(document, key.clone()));
        renamed.unwrap_or(&key.1)
    }
}

/// Returns `name`, with a number appended if another component has it already.
fn free_name(name: &str, section: &str, taken: &mut HashSet<Key>) -> String {
    let numbered = (2..).map(|number| format!("{name}{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    let is_free = |name: &String| taken.insert((section.to_owned(), name.clone()));
    names.find(is_free).unwrap_or_else(|| name.to_owned())
}

/// Indexes of components, by document and key.
type Indexes = HashMap<(usize, Key), usize>;

/// Collects the components of all documents, and checks every reference.
fn parts(documents: &mut [Document]) -> Result<Vec<Part>, MergeError> {
    let mut parts = collect(documents);
    let keys = parts.iter().map(|part| (part.document, part.key.clone()));
    let indexes: Indexes = keys.zip(0..).collect();
    check_references(documents, &indexes)?;
    for part in &mut parts {
        let (document, mut found) = (part.document, Vec::new());
        visit(&mut part.node, &mut |name| {
            let targets = targets(&name, |key| indexes.get(&(document, key.clone())).copied());
            found.extend(targets.unwrap_or_default());
        });
        part.targets = found;
    }
    Ok(parts)
}

/// Returns the components of all documents, without their targets.
fn collect(documents: &[Document]) -> Vec<Part> {
    let mut parts = Vec::new();
    for (index, document) in documents.iter().enumerate() {
        for (section, components) in &document.root.components {
            let Node::Object(components) = components else {
                continue;
            };
            parts.extend(components.iter().map(|(name, node)| Part {
                document: index,
                key: (section.clone(), name.clone()),
                node: node.clone(),
                targets: Vec::new(),
            }));
        }
    }
    parts
}

/// Checks that every reference in the documents leads to a component of its document.
fn check_references(documents: &mut [Document], indexes: &Indexes) -> Result<(), MergeError> {
    for (index, document) in documents.iter_mut().enumerate() {
        let mut missing = None;
        document.visit(&mut |name| {
            let broken = targets(&name, |key| indexes.get(&(index, key.clone())).copied()).err();
            missing = missing.take().or(broken);
        });
        if let Some(reference) = missing {
            return Err(MergeError::Reference {
                plugin: document.plugin.clone(),
                reference,
            });
        }
    }
    Ok(())
}

/// Returns the components that a name refers to. The error is the reference, if it leads to no
/// component of the document.
fn targets(name: &Name<'_>, index: impl Fn(&Key) -> Option<usize>) -> Result<Vec<usize>, String> {
    let find = |key: &Key, reference: &str| index(key).ok_or_else(|| reference.to_owned());
    match name {
        Name::Reference(reference) if reference.starts_with("#/paths/") => Ok(Vec::new()),
        Name::Reference(reference) => match component(reference) {
            Some((key, _)) => Ok(vec![find(&key, reference)?]),
            None => Err((*reference).clone()),
        },
        Name::Security(schemes) => schemes
            .keys()
            .map(|scheme| find(&security_scheme(scheme), scheme))
            .collect(),
        Name::Operation(_) => Ok(Vec::new()),
    }
}

/// Returns the equivalence class of each part: two parts are of one class if they have equal names
/// and contents, and their targets are of equal classes.
fn classes(parts: &[Part]) -> Vec<usize> {
    let is_same = |one: &Part, other: &Part| one.key == other.key && one.node == other.node;
    let mut classes: Vec<usize> = parts
        .iter()
        .enumerate()
        .map(|(index, part)| {
            let first = parts.iter().position(|other| is_same(other, part));
            first.unwrap_or(index)
        })
        .collect();
    // Classes are refined by their targets until their number no longer grows.
    loop {
        let before = classes.iter().collect::<HashSet<_>>().len();
        let mut known = HashMap::new();
        let refined: Vec<usize> = parts
            .iter()
            .zip(&classes)
            .enumerate()
            .map(|(index, (part, class))| {
                let targets = part
                    .targets
                    .iter()
                    .filter_map(|target| classes.get(*target));
                let signature: (usize, Vec<usize>) = (*class, targets.copied().collect());
                *known.entry(signature).or_insert(index)
            })
            .collect();
        classes = refined;
        if known.len() == before {
            return classes;
        }
    }
}
