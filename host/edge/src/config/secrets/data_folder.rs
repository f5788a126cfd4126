//! Secrets that are generated once, at random, and kept in the data folder,
//! readable by this user alone.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::{LENGTH, SecretError};

/// Folder of secrets within the data folder.
const FOLDER: &str = "secrets";

/// Returns the secret `name` of the data folder, which is generated at random
/// when absent.
///
/// # Errors
/// When the secret cannot be read or written, or other users could read it.
pub fn load_or_create(data_dir: &Path, name: &str) -> Result<[u8; LENGTH], SecretError> {
    let folder = data_dir.join(FOLDER);
    private_folder(&folder)?;
    let path = folder.join(name);
    match fs::read(&path) {
        Ok(bytes) => {
            check_private(&path)?;
            bytes
                .try_into()
                .map_err(|_| SecretError::Malformed { path })
        }
        Err(error) if error.kind() == ErrorKind::NotFound => create(&folder, &path),
        Err(source) => Err(SecretError::Io { path, source }),
    }
}

/// Returns whether the secret `name` of the data folder was generated.
pub(super) fn exists(data_dir: &Path, name: &str) -> bool {
    data_dir.join(FOLDER).join(name).exists()
}

/// Creates `path` as a folder that only this user can enter, unless it exists.
///
/// # Errors
/// When the folder cannot be created, or exists and is another user's or open
/// to others.
pub fn private_folder(path: &Path) -> Result<(), SecretError> {
    make_folder(path)?;
    check_private(path)
}

/// Creates `path` as a folder that only this user can enter. A folder that
/// exists is left as it is.
///
/// # Errors
/// When the folder cannot be created.
pub fn make_folder(path: &Path) -> Result<(), SecretError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| SecretError::Io {
            path: path.into(),
            source,
        })
}

/// Writes a secret into a new file, which only this user can read.
///
/// # Errors
/// When the file exists, or cannot be written.
pub fn write_new(path: &Path, secret: &[u8]) -> Result<(), SecretError> {
    write_private(path, secret).map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => SecretError::Exists { path: path.into() },
        _ => SecretError::Io {
            path: path.into(),
            source,
        },
    })
}

/// Writes a new file that only this user can read, to the disk.
fn write_private(path: &Path, secret: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(secret)?;
    file.sync_all()
}

/// Creates a secret: written whole under another name, then hard-linked, so
/// that of two nodes starting at once one wins and both use its secret.
fn create(folder: &Path, path: &Path) -> Result<[u8; LENGTH], SecretError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| SecretError::Io { path, source }
    };
    let draft = folder.join(format!(".{:016x}", rand::random::<u64>()));
    let secret: [u8; LENGTH] = rand::random();
    if let Err(error) = write_private(&draft, &secret) {
        // A full disk would otherwise accumulate one draft per start. The draft
        // may not exist at all.
        let _ = fs::remove_file(&draft);
        return Err(at(path)(error));
    }
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft).map_err(at(&draft))?;
    match linked {
        Ok(()) => Ok(secret),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let bytes = fs::read(path).map_err(at(path))?;
            bytes
                .try_into()
                .map_err(|_| SecretError::Malformed { path: path.into() })
        }
        Err(source) => Err(SecretError::Io {
            path: path.into(),
            source,
        }),
    }
}

fn check_private(path: &Path) -> Result<(), SecretError> {
    let metadata = fs::metadata(path).map_err(|source| SecretError::Io {
        path: path.into(),
        source,
    })?;
    let mode = metadata.permissions().mode() & 0o777;
    check_owner_and_mode(
        path,
        metadata.uid(),
        rustix::process::geteuid().as_raw(),
        mode,
    )
}

/// Refuses a path that another user owns, and one that others may enter or
/// read: two faults with two remedies.
fn check_owner_and_mode(path: &Path, owner: u32, us: u32, mode: u32) -> Result<(), SecretError> {
    let path = path.to_owned();
    if owner != us {
        Err(SecretError::WrongOwner { path, owner, us })
    } else if mode & 0o077 != 0 {
        Err(SecretError::NotPrivate { path, mode })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once_and_kept_private() {
        let data = tempfile::tempdir().expect("a temporary folder");
        let first = load_or_create(data.path(), "key").expect("made");
        let second = load_or_create(data.path(), "key").expect("read");
        assert_eq!(first, second);
        let mode = fs::metadata(data.path().join("secrets/key"))
            .expect("there")
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_ne!(first, load_or_create(data.path(), "other").expect("made"));
    }

    #[test]
    fn a_wrong_owner_is_not_called_open_to_others() {
        let check = |owner, mode| {
            let checked = check_owner_and_mode(Path::new("key"), owner, 1000, mode);
            checked.err().map(|error| error.to_string())
        };
        assert_eq!(check(1000, 0o600), None);
        let text = check(0, 0o600).expect("root's");
        assert!(text.contains("belongs to the user 0"), "{text}");
        assert!(!text.contains("open to"), "{text}");
        let text = check(1000, 0o640).expect("the group's too");
        assert!(text.contains("open to other users (mode 640)"), "{text}");
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        let data = tempfile::tempdir().expect("a temporary folder");
        load_or_create(data.path(), "key").expect("made");
        let path = data.path().join("secrets/key");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("chmod");
        let error = load_or_create(data.path(), "key").expect_err("others can read it");
        assert!(matches!(error, SecretError::NotPrivate { .. }), "{error}");
    }
}
