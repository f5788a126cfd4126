//! Secrets that no setting provides: generated once, at random, and kept in the
//! data folder, readable by this user alone.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Secret;

/// Folder of secrets within the data folder.
const FOLDER: &str = "secrets";

/// Length of a secret in bytes.
const LENGTH: usize = 32;

/// Length of a fingerprint in bytes, enough to tell two keys apart.
const FINGERPRINT: usize = 8;

/// Name of the file with the shop's secret in the data folder.
const MASTER: &str = "master";

/// The secret of the whole shop, from which every other is derived, so that an
/// operator of many nodes has only one to set.
#[derive(Clone)]
pub struct MasterSecret {
    current: [u8; LENGTH],
    /// Secrets of nodes that do not have the current one yet, or still have the
    /// previous one. Keys derived from them verify, and do not sign.
    fallbacks: Vec<[u8; LENGTH]>,
}

impl MasterSecret {
    /// Returns the secret that the operator set, hashed to its length with
    /// SHA-256.
    #[must_use]
    pub fn of_setting(text: &str) -> Self {
        Self::single(Sha256::digest(text.as_bytes()).into())
    }

    /// Returns the secret of this data folder, which is generated at random
    /// when absent.
    ///
    /// # Errors
    /// As [`load_or_create`].
    pub fn of_data_folder(data_dir: &Path) -> Result<Self, SecretError> {
        load_or_create(data_dir, MASTER).map(Self::single)
    }

    /// Returns the secret of this data folder, if one was generated.
    ///
    /// # Errors
    /// As [`load_or_create`].
    pub fn made_in_data_folder(data_dir: &Path) -> Result<Option<Self>, SecretError> {
        match data_dir.join(FOLDER).join(MASTER).exists() {
            true => Self::of_data_folder(data_dir).map(Some),
            false => Ok(None),
        }
    }

    fn single(current: [u8; LENGTH]) -> Self {
        Self {
            current,
            fallbacks: Vec::new(),
        }
    }

    /// Returns this secret with `other` as a further fallback, whose signatures
    /// are verified.
    #[must_use]
    pub fn with_fallback(mut self, other: &Self) -> Self {
        let is_known = other.current == self.current || self.fallbacks.contains(&other.current);
        if !is_known {
            self.fallbacks.push(other.current);
        }
        self
    }

    /// Returns the fingerprints of the secret and its fallbacks.
    #[must_use]
    pub fn ring(&self) -> KeyRing {
        let print = |secret: &[u8; LENGTH]| fingerprint(secret, MASTER);
        KeyRing {
            signs: print(&self.current),
            verifies: self.fallbacks.iter().map(print).collect(),
        }
    }

    /// Derives a secret for one purpose. It reveals nothing about secrets for
    /// other purposes.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> [u8; LENGTH] {
        mac(&self.current, purpose)
    }

    /// Derives the secrets for one purpose from the fallbacks, which other
    /// nodes may still use while the shop's secret is changed.
    #[must_use]
    pub fn derive_fallbacks(&self, purpose: &str) -> Vec<[u8; LENGTH]> {
        let fallbacks = self.fallbacks.iter();
        fallbacks.map(|secret| mac(secret, purpose)).collect()
    }
}

/// Keys of one kind, by their fingerprints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRing {
    /// Fingerprint of the key that signs.
    pub signs: String,
    /// Fingerprints of the keys that verify besides it.
    #[serde(default)]
    pub verifies: Vec<String>,
}

impl KeyRing {
    /// Returns whether signatures of the key `fingerprint` are verified.
    #[must_use]
    pub fn knows(&self, fingerprint: &str) -> bool {
        self.signs == fingerprint || self.verifies.iter().any(|one| one == fingerprint)
    }
}

/// Returns a name for a key that does not reveal it: a keyed hash of the label,
/// truncated.
#[must_use]
pub fn fingerprint(key: &[u8], label: &str) -> String {
    let hash = mac(key, &format!("fingerprint/{label}"));
    let short = hash.iter().take(FINGERPRINT).copied();
    hex::encode(short.collect::<Vec<_>>())
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn mac(key: &[u8], message: &str) -> [u8; LENGTH] {
    Hmac::<Sha256>::new_from_slice(key)
        .expect("HMAC takes keys of any length")
        .chain_update(message)
        .finalize()
        .into_bytes()
        .into()
}

/// Failures to generate, read or trust a secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file system reported an error.
    #[error("{}: {source}", path.display())]
    Io {
        /// File or folder that was being read or written.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// A file to be written exists already.
    #[error("{} exists already, and a secret is never overwritten; name another file", path.display())]
    Exists {
        /// File that exists.
        path: PathBuf,
    },
    /// Other users could have read or changed the file or folder.
    #[error("{} is open to other users (mode {mode:o}); make it private, or remove it and it is made anew", path.display())]
    NotPrivate {
        /// File or folder.
        path: PathBuf,
        /// Permission bits of the file or folder.
        mode: u32,
    },
    /// Another user owns the file or folder, and could have read or changed it.
    #[error("{} belongs to the user {owner}, and this node runs as {us}; give it to {us}, or remove it and it is made anew", path.display())]
    WrongOwner {
        /// File or folder.
        path: PathBuf,
        /// Id of the user who owns the file or folder.
        owner: u32,
        /// Id of the user that this process runs as.
        us: u32,
    },
    /// The file does not contain a secret of the right length.
    #[error("{} does not hold a secret of {LENGTH} bytes; restore it, or remove it and another is made: what was made with the old one does not hold any more", path.display())]
    Malformed {
        /// File with the wrong content.
        path: PathBuf,
    },
}

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
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(secret).and_then(|()| file.sync_all()));
    written.map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => SecretError::Exists { path: path.into() },
        _ => SecretError::Io {
            path: path.into(),
            source,
        },
    })
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
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| file.write_all(&secret).and_then(|()| file.sync_all()));
    if let Err(error) = written {
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

/// Minimum length of the shop's secret in bytes: whoever guesses it can forge
/// every token.
const SHORTEST_SECRET: usize = 32;

/// Parses the shop's secret, as an operator sets it.
pub(super) fn secret(text: &str) -> Result<Option<Secret<String>>, String> {
    if text.len() >= SHORTEST_SECRET {
        Ok(Some(Secret(text.into())))
    } else {
        Err(format!("is shorter than {SHORTEST_SECRET} bytes"))
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
    fn derived_secrets_differ_and_are_the_same_on_every_node() {
        let one = MasterSecret::of_setting("correct horse battery staple, and more");
        let other = MasterSecret::of_setting("correct horse battery staple, and more");
        assert_eq!(one.derive("tokens"), other.derive("tokens"));
        assert_ne!(one.derive("tokens"), one.derive("token"));
        let third = MasterSecret::of_setting("another");
        assert_ne!(one.derive("tokens"), third.derive("tokens"));
    }

    #[test]
    fn a_fallback_verifies_and_does_not_sign() {
        let secret = |text| MasterSecret::of_setting(text);
        let (old, new) = (secret("old"), secret("new"));
        let both = new.clone().with_fallback(&old).with_fallback(&new);
        assert_eq!(both.derive("x"), new.derive("x"));
        assert_eq!(both.derive_fallbacks("x"), [old.derive("x")]);
        assert!(both.ring().knows(&old.ring().signs));
        assert!(!old.ring().knows(&both.ring().signs));
        assert!(old.derive_fallbacks("x").is_empty());
    }

    #[test]
    fn a_fingerprint_is_short_and_none_of_the_secrets() {
        let secret = MasterSecret::of_setting("old");
        let print = secret.ring().signs;
        assert_eq!(print.len(), 2 * FINGERPRINT);
        let hash: [u8; LENGTH] = Sha256::digest(b"old").into();
        assert!(!hex::encode(hash).starts_with(&print));
    }

    #[test]
    fn the_secret_of_a_data_folder_is_known_once_it_was_made() {
        let data = tempfile::tempdir().expect("a temporary folder");
        let made = || MasterSecret::made_in_data_folder(data.path()).expect("readable");
        assert!(made().is_none());
        let own = MasterSecret::of_data_folder(data.path()).expect("made");
        assert_eq!(made().map(|made| made.ring()), Some(own.ring()));
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
