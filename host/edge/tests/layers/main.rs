//! Imports between modules go down and in no circle, in the crates of the host
//! and in the plugins.

#![allow(
    clippy::expect_used,
    reason = "a source that cannot be read has failed the test"
)]

mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use imports::{Graph, imports};

/// The crates whose modules are looked at, by name and folder below the root.
const CRATES: [(&str, &str); 9] = [
    ("edge", "host/edge/src"),
    ("bundle", "host/bundle/src"),
    ("stores", "host/stores/src"),
    ("test-servers", "host/test-servers/src"),
    ("customer", "plugins/customer/src"),
    ("order", "plugins/order/src"),
    ("payment", "plugins/payment/src"),
    ("product", "plugins/product/src"),
    ("edge-sdk", "plugins/sdk/src"),
];

/// The modules of `edge` and of its largest room, from roof to ground. Each
/// imports only modules that stand below it.
const LAYERS: [(&str, &[&str]); 2] = [
    (
        "",
        &[
            "cli",
            "node",
            "admin",
            "ingress",
            "registry",
            "rollout",
            "capabilities",
            "runtime",
            "guest",
            "identity",
            "egress",
            "bindings",
            "telemetry",
            "config",
        ],
    ),
    (
        "rollout",
        &[
            "lead",
            "reconcile",
            "prepare",
            "serving",
            "backends",
            "control",
            "report",
            "check",
            "canary",
        ],
    ),
];

fn graphs() -> impl Iterator<Item = (&'static str, Graph)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    CRATES
        .into_iter()
        .map(move |(name, folder)| (name, imports(&root.join(folder))))
}

#[test]
fn no_modules_import_each_other() {
    let mut found = BTreeSet::new();
    for (name, graph) in graphs() {
        for (folder, siblings) in &graph {
            for circle in circles(siblings) {
                let place = [&[name.to_owned()], folder.as_slice()].concat();
                found.insert(format!("{}: {}", place.join("::"), circle.join(" ")));
            }
        }
    }
    assert!(found.is_empty(), "modules import each other: {found:#?}");
}

#[test]
fn imports_go_down() {
    let (_, graph) = graphs().next().expect("the first crate");
    for (room, layers) in LAYERS {
        let folder: Vec<String> = room.split_terminator("::").map(str::to_owned).collect();
        let siblings = graph.get(&folder).expect("a folder with imports");
        let height = |module: &str| layers.iter().position(|layer| *layer == module);
        for (module, imported) in siblings {
            for (other, places) in imported {
                if let (Some(own), Some(theirs)) = (height(module), height(other)) {
                    assert!(
                        own < theirs,
                        "{module} imports {other}, above it: {places:?}"
                    );
                }
            }
        }
        for layer in layers {
            let is_there = siblings.contains_key(*layer)
                || siblings
                    .values()
                    .any(|imported| imported.contains_key(*layer));
            assert!(is_there, "{room}: no module {layer}");
        }
    }
}

/// Returns the groups of modules that reach each other by imports.
fn circles(siblings: &BTreeMap<String, BTreeMap<String, BTreeSet<String>>>) -> Vec<Vec<&str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> = siblings
        .keys()
        .map(|module| (module.as_str(), reach(siblings, module)))
        .collect();
    let mut groups: Vec<Vec<&str>> = Vec::new();
    for (module, others) in &reached {
        let is_in = |other: &&&str| {
            reached
                .get(**other)
                .is_some_and(|theirs| theirs.contains(module))
        };
        let mut group: Vec<&str> = others.iter().filter(is_in).copied().collect();
        group.sort_unstable();
        if group.len() > 1 && !groups.contains(&group) {
            groups.push(group);
        }
    }
    groups
}

fn reach<'a>(
    siblings: &'a BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
    start: &str,
) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut next = vec![start];
    while let Some(module) = next.pop() {
        for other in siblings.get(module).into_iter().flat_map(BTreeMap::keys) {
            if seen.insert(other.as_str()) {
                next.push(other);
            }
        }
    }
    seen
}
