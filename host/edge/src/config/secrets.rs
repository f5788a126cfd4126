//! Secrets that nobody set: made once, at random, and kept in the data folder
//! where only this user can read them.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Secret;

/// Where the data folder keeps secrets.
const FOLDER: &str = "secrets";

/// Bytes of a secret.
const LENGTH: usize = 32;

/// Bytes of a fingerprint: enough to tell two keys apart.
const FINGERPRINT: usize = 8;

/// The data folder's own secret of the shop.
const MASTER: &str = "master";

/// The secret of the whole shop, from which every other is derived, so that
/// an operator of many nodes has one to set.
#[derive(Clone)]
pub struct MasterSecret {
    current: [u8; LENGTH],
    /// Secrets of nodes that do not have the current one yet, or still the one
    /// before: what is derived from them verifies, and signs nothing.
    fallbacks: Vec<[u8; LENGTH]>,
}

impl MasterSecret {
    /// The secret that the operator set.
    #[must_use]
    pub fn of_setting(text: &str) -> Self {
        Self::single(Sha256::digest(text.as_bytes()).into())
    }

    /// The secret of this data folder, made at random when it is absent.
    ///
    /// # Errors
    /// As [`load_or_create`].
    pub fn of_data_folder(data_dir: &Path) -> Result<Self, SecretError> {
        load_or_create(data_dir, MASTER).map(Self::single)
    }

    /// The secret of this data folder, if it has made one.
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

    /// The same, with what another secret has signed to be verified.
    #[must_use]
    pub fn with_fallback(mut self, other: &Self) -> Self {
        let is_known = other.current == self.current || self.fallbacks.contains(&other.current);
        if !is_known {
            self.fallbacks.push(other.current);
        }
        self
    }

    /// The fingerprints of the secret and its fallbacks.
    #[must_use]
    pub fn ring(&self) -> KeyRing {
        let print = |secret: &[u8; LENGTH]| fingerprint(secret, MASTER);
        KeyRing {
            signs: print(&self.current),
            verifies: self.fallbacks.iter().map(print).collect(),
        }
    }

    /// A secret for one purpose; who knows it knows none of the others.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> [u8; LENGTH] {
        mac(&self.current, purpose)
    }

    /// The secrets for one purpose of nodes that have another secret of the
    /// shop's, while that is changed.
    #[must_use]
    pub fn derive_fallbacks(&self, purpose: &str) -> Vec<[u8; LENGTH]> {
        let fallbacks = self.fallbacks.iter();
        fallbacks.map(|secret| mac(secret, purpose)).collect()
    }
}

/// Keys of one kind, by their fingerprints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRing {
    /// The key that signs.
    pub signs: String,
    /// Keys that verify besides it.
    #[serde(default)]
    pub verifies: Vec<String>,
}

impl KeyRing {
    /// Whether what the key `fingerprint` has signed is verified.
    #[must_use]
    pub fn knows(&self, fingerprint: &str) -> bool {
        self.signs == fingerprint || self.verifies.iter().any(|one| one == fingerprint)
    }
}

/// A name for a key that does not tell it: a keyed hash of the label, cut short.
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

/// A secret could not be made, read or trusted.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// What was being read or written.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Something is there already.
    #[error("{} exists already, and a secret is never overwritten; name another file", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Others could have read or changed it.
    #[error("{} is open to other users (mode {mode:o}); make it private, or remove it and it is made anew", path.display())]
    NotPrivate {
        /// The file or folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Another user made it, and could have read or changed it.
    #[error("{} belongs to the user {owner}, and this node runs as {us}; give it to {us}, or remove it and it is made anew", path.display())]
    WrongOwner {
        /// The file or folder.
        path: PathBuf,
        /// The user whose it is.
        owner: u32,
        /// The user that this process runs as.
        us: u32,
    },
    /// It is not what we wrote.
    #[error("{} does not hold a secret of {LENGTH} bytes; restore it, or remove it and another is made: what was made with the old one does not hold any more", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
}

/// The secret `name` of the data folder, made at random when it is absent.
///
/// # Errors
/// When it cannot be read or written, or when other users could read it.
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

/// Make `path` a folder that only this user can enter.
///
/// # Errors
/// When it cannot be made, or exists and is another user's or open to others.
pub fn private_folder(path: &Path) -> Result<(), SecretError> {
    make_folder(path)?;
    check_private(path)
}

/// Make `path` a folder, private unless it is there already.
///
/// # Errors
/// When it cannot be made.
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

/// Write a secret into a file of its own, which only this user can read.
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

/// Written whole under another name, then linked: of two nodes that start at
/// once, one wins and both read the winner's secret.
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
        // A full disk would otherwise gather one draft for each start. It may
        // never have been there.
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

/// Refuses what belongs to somebody else, and what others may enter or read:
/// two faults, with two remedies.
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

/// Guessing it is guessing every token.
const SHORTEST_SECRET: usize = 32;

/// The shop's secret, as an operator sets it.
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
