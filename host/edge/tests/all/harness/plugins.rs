//! Plugins for a node: the fixtures as they stand, or with another manifest.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use toml::{Table, Value};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins/fixtures");
const MANIFEST: &str = "plugin.toml";

/// A plugin's folder, as the settings name it.
pub struct PluginFolder {
    path: PathBuf,
    _temporary: Option<TempDir>,
}

impl PluginFolder {
    /// No folder: a node with this setting serves what is deployed to it.
    pub fn none() -> Self {
        Self {
            path: PathBuf::from("none"),
            _temporary: None,
        }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Put a file, such as one more migration, into the folder of a variant.
    #[must_use]
    pub fn with(self, file: &str, content: impl AsRef<[u8]>) -> Self {
        assert!(self._temporary.is_some(), "fixtures are not to be changed");
        let path = self.path.join(file);
        fs::create_dir_all(path.parent().expect("a file in a folder")).expect("its folder");
        fs::write(path, content).expect("the file");
        self
    }
}

/// The fixture `name` as it stands.
pub fn fixture(name: &str) -> PluginFolder {
    let path = Path::new(FIXTURES).join(name);
    find_component(&path, &read_manifest(&path));
    PluginFolder {
        path,
        _temporary: None,
    }
}

/// The fixture `name` with `changes` (TOML) made to its manifest: tables are
/// merged, everything else is replaced.
pub fn variant(name: &str, changes: &str) -> PluginFolder {
    let original = Path::new(FIXTURES).join(name);
    let mut manifest = read_manifest(&original);
    let component = find_component(&original, &manifest);
    manifest.insert("component".into(), component.display().to_string().into());
    merge(
        &mut manifest,
        changes.parse().expect("the changes are TOML"),
    );

    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join(MANIFEST), manifest.to_string()).expect("the manifest");
    copy_folder(
        &original.join("migrations"),
        &folder.path().join("migrations"),
    );
    PluginFolder {
        path: folder.path().to_owned(),
        _temporary: Some(folder),
    }
}

/// The bytes of a fixture's component.
pub fn component(name: &str) -> Vec<u8> {
    let folder = Path::new(FIXTURES).join(name);
    fs::read(find_component(&folder, &read_manifest(&folder))).expect("the component")
}

fn read_manifest(folder: &Path) -> Table {
    let text = fs::read_to_string(folder.join(MANIFEST)).expect("the fixture's manifest");
    text.parse().expect("the fixture's manifest is TOML")
}

fn find_component(folder: &Path, manifest: &Table) -> PathBuf {
    let name = manifest["component"].as_str().expect("a component");
    folder.join(name).canonicalize().unwrap_or_else(|_| {
        panic!(
            "{name} of {} is missing: run `make plugins fixtures` first",
            folder.display()
        )
    })
}

fn merge(base: &mut Table, changes: Table) {
    for (key, change) in changes {
        match (base.get_mut(&key), change) {
            (Some(Value::Table(inner)), Value::Table(change)) => merge(inner, change),
            (_, change) => {
                base.insert(key, change);
            }
        }
    }
}

/// Copy `from`, if it is there.
fn copy_folder(from: &Path, to: &Path) {
    let Ok(entries) = fs::read_dir(from) else {
        return;
    };
    fs::create_dir_all(to).expect("a folder");
    for entry in entries {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}
