//! Setting of the plugin folders that a node serves.

use std::path::{Path, PathBuf};
use std::{fs, io};

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
    let mut folders = Vec::new();
    for entry in entries {
        let found = folders_of(entry);
        folders.extend(found.map_err(|error| format!("{entry} cannot be read: {error}"))?);
    }
    match folders.is_empty() {
        true => Err("names no plugin folder; `none` means that".into()),
        false => Ok(folders),
    }
}

/// Returns the folders that an entry names, in the order of their names. As in
/// a shell, a pattern that matches nothing stays as it is, so that whatever
/// needs a plugin reports that there is none.
fn folders_of(entry: &str) -> io::Result<Vec<PathBuf>> {
    let found = match entry.strip_suffix(ALL_BELOW) {
        Some(folder) => below(Path::new(folder))?,
        None => Vec::new(),
    };
    Ok(match found.is_empty() {
        true => vec![entry.into()],
        false => found,
    })
}

/// Returns the folders of plugins directly below `folder`; none if it does not exist.
fn below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut folders = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() && path.join(MANIFEST).try_exists()? {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
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
