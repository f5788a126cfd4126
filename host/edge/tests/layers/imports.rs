//! Which modules of a crate import which others, read from its source.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::visit::{self, Visit};
use syn::{File, ItemMod, ItemUse, UseTree, Visibility};

/// A path of names from the root of the crate.
type Names = Vec<String>;

/// For each folder, its modules, those of the same folder that each imports, and
/// the places that do so.
pub type Graph = BTreeMap<Names, BTreeMap<String, BTreeMap<String, BTreeSet<String>>>>;

/// A module as its file shows it.
#[derive(Default)]
struct Module {
    /// Paths that the module uses, as they are written.
    uses: Vec<Names>,
    /// Names that the module re-exports, with the paths where they come from.
    exports: BTreeMap<String, Names>,
}

/// Returns the imports between the modules of the crate in `source`. Unit tests
/// are left out, and so is the root of a binary.
pub fn imports(source: &Path) -> Graph {
    let mut modules = BTreeMap::new();
    collect(source, &mut Names::new(), &mut modules);
    let mut graph = Graph::new();
    for (name, module) in &modules {
        for used in &module.uses {
            let path = absolute(&modules, name, used);
            if let Some(other) = path.and_then(|path| defined_in(&modules, path)) {
                note(&mut graph, name, &other);
            }
        }
    }
    graph
}

/// Notes an import where the paths of both modules part.
fn note(graph: &mut Graph, name: &[String], other: &[String]) {
    let shared = name.iter().zip(other).take_while(|(a, b)| a == b).count();
    if let (Some(from), Some(to)) = (name.get(shared), other.get(shared)) {
        let folder = name.iter().take(shared).cloned().collect();
        let siblings = graph.entry(folder).or_default();
        let imported = siblings.entry(from.clone()).or_default();
        let places = imported.entry(to.clone()).or_default();
        places.insert(format!("{} uses {}", name.join("::"), other.join("::")));
    }
}

fn collect(folder: &Path, name: &mut Names, modules: &mut BTreeMap<Names, Module>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        let stem = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let is_binary = name.is_empty() && stem == "main";
        if is_binary || stem == "tests" {
            continue;
        }
        let is_root = stem == "mod" || (name.is_empty() && stem == "lib");
        if !is_root {
            name.push(stem);
        }
        if path.is_dir() {
            collect(&path, name, modules);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            let file: File = syn::parse_file(&text).expect("Rust");
            let mut module = Module::default();
            module.visit_file(&file);
            modules.insert(name.clone(), module);
        }
        if !is_root {
            name.pop();
        }
    }
}

impl Visit<'_> for Module {
    fn visit_item_mod(&mut self, module: &ItemMod) {
        if module.ident != "tests" {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_use(&mut self, item: &ItemUse) {
        let mut leaves = Vec::new();
        flatten(&item.tree, &mut Names::new(), &mut leaves);
        match item.vis {
            Visibility::Inherited => self.uses.extend(leaves.into_iter().map(|(_, path)| path)),
            _ => self.exports.extend(leaves),
        }
    }

    fn visit_path(&mut self, path: &syn::Path) {
        let names = path.segments.iter();
        self.uses
            .push(names.map(|part| part.ident.to_string()).collect());
        visit::visit_path(self, path);
    }
}

/// Adds the names that a `use` brings in, with their paths.
fn flatten(tree: &UseTree, prefix: &mut Names, leaves: &mut Vec<(String, Names)>) {
    match tree {
        UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            flatten(&path.tree, prefix, leaves);
            prefix.pop();
        }
        UseTree::Name(name) if name.ident == "self" => {
            let own = prefix.last().cloned().unwrap_or_default();
            leaves.push((own, prefix.clone()));
        }
        UseTree::Name(name) => {
            let name = name.ident.to_string();
            leaves.push((name.clone(), [prefix.as_slice(), &[name]].concat()));
        }
        UseTree::Rename(rename) => {
            let path = [prefix.as_slice(), &[rename.ident.to_string()]].concat();
            leaves.push((rename.rename.to_string(), path));
        }
        UseTree::Glob(_) => leaves.push(("*".to_owned(), prefix.clone())),
        UseTree::Group(group) => {
            for tree in &group.items {
                flatten(tree, prefix, leaves);
            }
        }
    }
}

/// Returns a path as seen from the root of the crate; `None` for one that leads
/// out of it, or to a name that the module itself has.
fn absolute(modules: &BTreeMap<Names, Module>, name: &[String], path: &[String]) -> Option<Names> {
    let first = path.first()?;
    match first.as_str() {
        "crate" => Some(path.get(1..)?.to_vec()),
        "self" => Some([name, path.get(1..)?].concat()),
        "super" => {
            let ups = path.iter().take_while(|part| *part == "super").count();
            let base = name.get(..name.len().checked_sub(ups)?)?;
            Some([base, path.get(ups..)?].concat())
        }
        _ => {
            let child = [name, std::slice::from_ref(first)].concat();
            modules.contains_key(&child).then(|| [name, path].concat())
        }
    }
}

/// Returns the module that defines what `path` names, past re-exports.
fn defined_in(modules: &BTreeMap<Names, Module>, mut path: Names) -> Option<Names> {
    // Longer chains of re-exports there are none.
    for _ in 0..8 {
        let longest = (0..=path.len()).rev().find(|length| {
            path.get(..*length)
                .is_some_and(|part| modules.contains_key(part))
        })?;
        let module = path.get(..longest)?.to_vec();
        let exported = path
            .get(longest)
            .and_then(|name| modules.get(&module)?.exports.get(name));
        match exported.and_then(|target| absolute(modules, &module, target)) {
            Some(target) => path = [target.as_slice(), path.get(longest + 1..)?].concat(),
            None => return Some(module),
        }
    }
    None
}
