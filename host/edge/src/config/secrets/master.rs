//! The shop's secret, and the keys that are derived from it.

use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::data_folder::{exists, load_or_create};
use super::{LENGTH, SecretError};

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
        match exists(data_dir, MASTER) {
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
