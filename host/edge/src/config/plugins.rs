//! Setting of the plugin folders that a node serves.

use std::fs;
use std::path::{Path, PathBuf};

/// Value of `plugins` for no plugin at all.
const NONE: &str = "none";

/// Ending of an entry that names every plugin's folder directly below a folder.
const ALL_BELOW: &str = "/*";

/// File by which a folder is a plugin's.
const MANIFEST: &str = "plugin.toml";

/// Parses folders, separated by commas.
pub(super) fn folders(text: &str) -> Result<Vec<PathBuf>, String> {
    if text.trim() == NONE {
        return Ok(Vec::new());
    }
    let entries = text.split(',').map(str::trim).filter(|f| !f.is_empty());
    let folders: Vec<PathBuf> = entries.flat_map(folders_of).collect();
    match folders.is_empty() {
        true => Err("names no plugin folder; `none` means that".into()),
        false => Ok(folders),
    }
}

/// Returns the folders that an entry names, in the order of their names. As in
/// a shell, a pattern that matches nothing stays as it is, so that whatever
/// needs a plugin reports that there is none.
fn folders_of(entry: &str) -> Vec<PathBuf> {
    let found = entry.strip_suffix(ALL_BELOW).map(Path::new).map(below);
    found
        .filter(|found| !found.is_empty())
        .unwrap_or_else(|| vec![entry.into()])
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|folder| folder.join(MANIFEST).is_file())
        .collect();
    folders.sort();
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<PathBuf> {
        folders(text).expect(text)
    }

    #[test]
    fn a_pattern_names_the_plugins_below_a_folder_by_name() {
        let root = tempfile::tempdir().expect("a temporary folder");
        for plugin in ["order", "customer", "fixtures/hello"] {
            let folder = root.path().join(plugin);
            fs::create_dir_all(&folder).expect("a folder");
            fs::write(folder.join(MANIFEST), "").expect("a manifest");
        }
        fs::create_dir(root.path().join("sdk")).expect("a folder without a manifest");
        fs::write(root.path().join("README.md"), "").expect("a file");
        let root = root.path().display();
        let found = paths(&format!("{root}/*, own/reviews"));
        let expected = [
            format!("{root}/customer"),
            format!("{root}/order"),
            "own/reviews".to_owned(),
        ];
        assert_eq!(found, expected.map(PathBuf::from));
    }

    #[test]
    fn a_pattern_that_matches_nothing_stays_as_it_is() {
        assert_eq!(paths("/nowhere/*"), [PathBuf::from("/nowhere/*")]);
        let empty = tempfile::tempdir().expect("a temporary folder");
        let pattern = format!("{}/*", empty.path().display());
        assert_eq!(paths(&pattern), [PathBuf::from(&pattern)]);
    }

    #[test]
    fn no_plugin_is_written_out() {
        assert!(paths("none").is_empty());
        assert!(folders(" , ").is_err());
    }
}
