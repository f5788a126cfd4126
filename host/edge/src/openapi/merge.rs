//! Merging of parsed documents.

use std::collections::{HashMap, HashSet};

use super::MergeError;
use super::components::Renames;
use super::document::{Document, Source, Tag};
use super::info::info;
use super::names::{Name, component, prefixed, reference, security_scheme};
use super::node::{Fields, Node};

/// Version of the specification of the merged document.
const VERSION: &str = "3.1.0";

/// Extension that names the plugins of a merged document.
const PLUGINS: &str = "x-plugins";

/// Merges the documents of several plugins into one.
///
/// Equal components become one. Different components that share a name get their plugin's name as a
/// prefix, and so do operations. Tags with one name become one, with every description. Servers
/// that all documents share are those of the whole document; otherwise each path has its own.
///
/// # Errors
/// Returns an error if a document cannot be merged; the error names the plugin and the reason.
pub fn merge(sources: &[Source], title: Option<&str>) -> Result<Node, MergeError> {
    let mut documents: Vec<_> = sources
        .iter()
        .map(Document::read)
        .collect::<Result<_, _>>()?;
    documents.sort_by(|one, other| one.plugin.cmp(&other.plugin));
    check_paths(&documents)?;
    rename_components(&mut documents)?;
    rename_operations(&mut documents)?;
    let info = info(&documents, title);
    let servers = servers(&mut documents);
    let plugins = documents.iter().map(plugin).collect();
    let tags = tags(&mut documents);
    let mut root = Fields::new();
    root.insert("openapi".to_owned(), VERSION.into());
    root.insert("info".to_owned(), Node::Object(info));
    root.insert("servers".to_owned(), Node::List(servers));
    root.insert("tags".to_owned(), Node::List(tags));
    insert_contents(&mut root, documents);
    root.insert(PLUGINS.to_owned(), Node::List(plugins));
    Ok(Node::Object(root))
}

/// Inserts the paths, webhooks and components of all documents.
fn insert_contents(root: &mut Fields, documents: Vec<Document>) {
    let (mut paths, mut webhooks, mut components) = (Fields::new(), Fields::new(), Fields::new());
    for document in documents {
        paths.extend(document.root.paths);
        webhooks.extend(document.root.webhooks);
        for (section, own) in document.root.components {
            let all = components
                .entry(section)
                .or_insert_with(|| Node::Object(Fields::new()));
            if let (Node::Object(all), Node::Object(own)) = (all, own) {
                all.extend(own);
            }
        }
    }
    root.insert("paths".to_owned(), Node::Object(paths));
    if !webhooks.is_empty() {
        root.insert("webhooks".to_owned(), Node::Object(webhooks));
    }
    root.insert("components".to_owned(), Node::Object(components));
}

/// Checks that no path is in two documents, regardless of case and of the names of its parameters.
fn check_paths(documents: &[Document]) -> Result<(), MergeError> {
    let mut known: HashMap<String, &Document> = HashMap::new();
    for document in documents {
        for path in document
            .root
            .paths
            .keys()
            .chain(document.root.webhooks.keys())
        {
            let other = known.insert(shape(path), document);
            if let Some(other) = other.filter(|other| other.plugin != document.plugin) {
                return Err(MergeError::Path {
                    path: path.clone(),
                    first: other.plugin.clone(),
                    second: document.plugin.clone(),
                });
            }
        }
    }
    Ok(())
}

/// Returns the template without the names of its parameters.
fn shape(path: &str) -> String {
    let segments = path
        .split('/')
        .map(|segment| match segment.starts_with('{') {
            true => "{}".to_owned(),
            false => segment.to_ascii_lowercase(),
        });
    segments.collect::<Vec<_>>().join("/")
}

fn rename_components(documents: &mut [Document]) -> Result<(), MergeError> {
    let renames = Renames::new(documents)?;
    for (index, document) in documents.iter_mut().enumerate() {
        document.visit(&mut |name| match name {
            Name::Reference(text) => {
                if let Some((key, rest)) = component(text) {
                    *text = reference(&key.0, renames.name(index, &key), rest);
                }
            }
            Name::Security(schemes) => {
                let old = std::mem::take(schemes).into_iter();
                schemes.extend(old.map(|(scheme, scopes)| {
                    let key = security_scheme(&scheme);
                    (renames.name(index, &key).to_owned(), scopes)
                }));
            }
            Name::Operation(_) => {}
        });
        for (section, components) in &mut document.root.components {
            let Node::Object(components) = components else {
                continue;
            };
            let old = std::mem::take(components).into_iter();
            components.extend(old.map(|(name, node)| {
                let key = (section.clone(), name);
                (renames.name(index, &key).to_owned(), node)
            }));
        }
    }
    Ok(())
}

/// Prefixes operation ids that occur in several documents with their plugin's name.
fn rename_operations(documents: &mut [Document]) -> Result<(), MergeError> {
    let mut owners: HashMap<String, usize> = HashMap::new();
    for document in &*documents {
        for id in operation_ids(document)? {
            *owners.entry(id).or_default() += 1;
        }
    }
    let mut taken: HashSet<String> = owners.keys().cloned().collect();
    for document in documents {
        let ids = operation_ids(document)?.into_iter();
        let shared = ids.filter(|id| owners.get(id).is_some_and(|owners| *owners > 1));
        let renamed = shared.map(|id| {
            let mut name = prefixed(&document.plugin, &id);
            while !taken.insert(name.clone()) {
                name.push('2');
            }
            (id, name)
        });
        let renames: HashMap<String, String> = renamed.collect();
        document.visit(&mut |name| {
            if let Name::Operation(id) = name
                && let Some(renamed) = renames.get(id)
            {
                id.clone_from(renamed);
            }
        });
    }
    Ok(())
}

/// Returns the operation ids of a document.
fn operation_ids(document: &Document) -> Result<Vec<String>, MergeError> {
    let mut ids = Vec::new();
    let root = &document.root;
    for item in root.paths.values().chain(root.webhooks.values()) {
        let Node::Object(item) = item else { continue };
        for operation in item.values() {
            let Node::Object(operation) = operation else {
                continue;
            };
            let Some(id) = operation.get("operationId").and_then(Node::as_text) else {
                continue;
            };
            if ids.iter().any(|known| known == id) {
                return Err(MergeError::Operation {
                    plugin: document.plugin.clone(),
                    id: id.to_owned(),
                });
            }
            ids.push(id.to_owned());
        }
    }
    Ok(ids)
}

/// Returns the servers of the merged document. If documents differ, each path gets those of its
/// document.
fn servers(documents: &mut [Document]) -> Vec<Node> {
    let mut all: Vec<Node> = Vec::new();
    for server in documents.iter().flat_map(|document| &document.root.servers) {
        if !all.contains(server) {
            all.push(server.clone());
        }
    }
    if documents
        .iter()
        .any(|document| document.root.servers != all)
    {
        documents.iter_mut().for_each(Document::spread_servers);
    }
    all
}

fn tags(documents: &mut [Document]) -> Vec<Node> {
    let mut tags: Vec<Fields> = Vec::new();
    for document in documents {
        for Tag { name, rest } in std::mem::take(&mut document.root.tags) {
            let name = Node::from(name);
            let known = tags.iter_mut().find(|tag| tag.get("name") == Some(&name));
            match known {
                Some(tag) => add_to_tag(tag, rest),
                None => {
                    let mut tag = Fields::from_iter([("name".to_owned(), name)]);
                    tag.extend(rest);
                    tags.push(tag);
                }
            }
        }
    }
    tags.into_iter().map(Node::Object).collect()
}

/// Adds the fields of another document's tag to a tag.
fn add_to_tag(tag: &mut Fields, rest: Fields) {
    for (field, value) in rest {
        match (tag.get_mut(&field), value) {
            (Some(Node::Text(known)), Node::Text(more)) if field == "description" => {
                if !known.contains(&more) {
                    *known = format!("{} {}", known.trim_end(), more);
                }
            }
            (Some(_), _) => {}
            (None, value) => {
                tag.insert(field, value);
            }
        }
    }
}

fn plugin(document: &Document) -> Node {
    let field = |name: &str, value: &str| (name.to_owned(), Node::from(value));
    Node::Object(Fields::from_iter([
        field("name", &document.plugin),
        field("version", &document.version),
    ]))
}
