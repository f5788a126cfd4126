//! Data folders for nodes, with the fixtures compiled in them: compiling them
//! anew for every test would take most of the tests' time.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use edge::config::secrets;
use tempfile::TempDir;

/// The signature of compiled code is made with this key, so whoever shares
/// one shares the other.
const KEY: &str = "artifact-key";

/// A data folder of which nothing is there yet.
pub fn empty_data_folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// A data folder that holds what other nodes of these tests have compiled.
pub fn data_folder() -> TempDir {
    let data = empty_data_folder();
    let shared = shared();
    secrets::load_or_create(&shared, KEY).expect("the key");
    secrets::private_folder(&data.path().join("secrets")).expect("the secrets' folder");
    fs::copy(
        shared.join("secrets").join(KEY),
        data.path().join("secrets").join(KEY),
    )
    .expect("a copy of the key");
    link_all(&shared.join("cache"), &data.path().join("cache"));
    data
}

/// Let later nodes have what a node has compiled in `data`.
pub fn share(data: &Path) {
    link_all(&data.join("cache"), &shared().join("cache"));
}

fn shared() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
    secrets::private_folder(&folder).expect("the shared folder");
    folder
}

/// Compiled code is written whole under another name, then renamed; so a link
/// to it is never to half of it.
fn link_all(from: &Path, to: &Path) {
    secrets::private_folder(from).expect("a cache");
    secrets::private_folder(to).expect("a cache");
    for entry in fs::read_dir(from).expect("a cache") {
        let path = entry.expect("an entry").path();
        if path
            .extension()
            .is_some_and(|extension| extension == "cwasm")
        {
            link(&path, &to.join(path.file_name().expect("a name")));
        }
    }
}

fn link(from: &Path, to: &Path) {
    match fs::hard_link(from, to).map_err(|error| error.kind()) {
        Ok(()) | Err(ErrorKind::AlreadyExists) => {}
        // The folder of temporary files may be of another file system.
        Err(ErrorKind::CrossesDevices) => copy(from, to),
        Err(error) => panic!("a link: {error}"),
    }
}

fn copy(from: &Path, to: &Path) {
    if to.exists() {
        return;
    }
    let folder = to.parent().expect("a folder");
    let part = tempfile::NamedTempFile::new_in(folder).expect("a file");
    fs::copy(from, part.path()).expect("a copy");
    part.persist(to).expect("the copy under its name");
}
