//! What SECURITY.md promises has a test of the name that stands beside it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

#[test]
fn every_test_that_is_named_is_there() {
    let text = fs::read_to_string(Path::new(ROOT).join("SECURITY.md")).expect("SECURITY.md");
    let promised = names(&text);
    assert!(promised.len() > 60, "{promised:?}");
    let mut tests = BTreeSet::new();
    for folder in ["host", "plugins"] {
        collect_functions(&Path::new(ROOT).join(folder), &mut tests);
    }
    let missing: Vec<_> = promised.difference(&tests).collect();
    assert!(
        missing.is_empty(),
        "SECURITY.md names no test by {missing:?}"
    );
}

/// The names of functions between backticks: several words, each apart from
/// the next by an underscore.
fn names(text: &str) -> BTreeSet<String> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_test = |name: &&str| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        name.matches('_').count() >= 2 && name.chars().all(plain)
    };
    quoted.filter(is_test).map(str::to_owned).collect()
}

fn collect_functions(folder: &Path, functions: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "node_modules") {
                collect_functions(&path, functions);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a file");
            let declared = text.split("fn ").skip(1);
            functions.extend(
                declared
                    .filter_map(|rest| rest.split('(').next())
                    .map(str::to_owned),
            );
        }
    }
}
