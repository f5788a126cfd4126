//! Keys that sign and verify tokens. With several keys, an operator can rotate them without ending
//! sessions: the new key is put first, and the old one is removed when its last token has expired.

use jsonwebtoken::{DecodingKey, EncodingKey};
use sha2::{Digest, Sha256};

use crate::config::secrets::{KeyRing, fingerprint};

/// Least bytes of a secret: RFC 7518 section 3.2 asks for at least the length of the hash.
const MIN_SECRET_BYTES: usize = 32;

/// Bytes of the hash that becomes the identifier of a key without one.
const DERIVED_ID: usize = 4;

/// Error in a list of keys. Messages quote no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// An entry has no identifier.
    #[error("is not a list of `id:secret` with commas between")]
    Malformed,
    /// An identifier has characters that would need escapes, or is too long.
    #[error("has a key whose id is not 1 to 64 letters, digits, `-`, `_` and `.`")]
    Id,
    /// A secret is too short.
    #[error("has a secret of fewer than {MIN_SECRET_BYTES} bytes, for the key `{0}`")]
    Short(String),
    /// An identifier occurs twice.
    #[error("has two keys with the id `{0}`")]
    Twice(String),
}

/// A key, and the identifier by which tokens refer to it (`kid`).
#[derive(Clone)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) signing: EncodingKey,
    pub(super) verifying: DecodingKey,
}

impl Key {
    fn new(id: String, secret: &[u8]) -> Self {
        Self {
            id,
            signing: EncodingKey::from_secret(secret),
            verifying: DecodingKey::from_secret(secret),
        }
    }

    /// Returns the fingerprint of key and identifier together, since tokens refer to the
    /// identifier.
    fn fingerprint(&self) -> String {
        fingerprint(self.signing.as_bytes(), &self.id)
    }
}

/// Keys of tokens; at least one.
#[derive(Clone)]
pub struct TokenKeys {
    first: Key,
    others: Vec<Key>,
}

impl TokenKeys {
    /// Parses keys as an operator writes them: `id:secret,id:secret`.
    ///
    /// # Errors
    /// Returns an error if an entry breaks a rule; the error names the rule and the key.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut keys: Vec<Key> = Vec::new();
        for entry in text.split(',') {
            let key = parse_key(entry.trim())?;
            if keys.iter().any(|other| other.id == key.id) {
                return Err(KeyError::Twice(key.id));
            }
            keys.push(key);
        }
        let mut keys = keys.into_iter();
        Ok(Self {
            first: keys.next().ok_or(KeyError::Malformed)?,
            others: keys.collect(),
        })
    }

    /// Returns `secret` as the only key, with an identifier that is derived from it, so that every
    /// node with this secret derives the same one.
    #[must_use]
    pub fn single(secret: &[u8; 32]) -> Self {
        let digest = Sha256::digest(secret);
        let id = hex::encode(digest.iter().copied().take(DERIVED_ID).collect::<Vec<_>>());
        Self {
            first: Key::new(id, secret),
            others: Vec::new(),
        }
    }

    /// Returns the keys, and further ones from `secrets`, which verify tokens and do not sign.
    #[must_use]
    pub fn verifying(mut self, secrets: &[[u8; 32]]) -> Self {
        let others = secrets.iter().map(|secret| Self::single(secret).first);
        self.others.extend(others);
        self
    }

    /// Returns the fingerprints of the keys.
    #[must_use]
    pub fn ring(&self) -> KeyRing {
        KeyRing {
            signs: self.first.fingerprint(),
            verifies: self.others.iter().map(Key::fingerprint).collect(),
        }
    }

    pub(super) fn signing(&self) -> &Key {
        &self.first
    }

    pub(super) fn find(&self, id: &str) -> Option<&Key> {
        std::iter::once(&self.first)
            .chain(&self.others)
            .find(|key| key.id == id)
    }
}

fn parse_key(entry: &str) -> Result<Key, KeyError> {
    let (id, secret) = entry.split_once(':').ok_or(KeyError::Malformed)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if id.is_empty() || id.len() > 64 || !id.chars().all(plain) {
        return Err(KeyError::Id);
    }
    if secret.len() < MIN_SECRET_BYTES {
        return Err(KeyError::Short(id.to_owned()));
    }
    Ok(Key::new(id.to_owned(), secret.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "0123456789abcdef0123456789abcdef";

    fn error(text: &str) -> Option<KeyError> {
        TokenKeys::parse(text).err()
    }

    #[test]
    fn the_first_signs_and_all_are_found() {
        let keys = TokenKeys::parse(&format!("new:{LONG}, old:x:{LONG}")).expect("keys");
        assert_eq!(keys.signing().id, "new");
        assert!(keys.find("old").is_some());
        assert!(keys.find("other").is_none());
    }

    #[test]
    fn weak_and_ambiguous_keys_are_refused_without_quoting_them() {
        assert_eq!(error(""), Some(KeyError::Malformed));
        assert_eq!(error(LONG), Some(KeyError::Malformed));
        assert_eq!(error(&format!("a:{LONG},")), Some(KeyError::Malformed));
        assert_eq!(error(&format!(":{LONG}")), Some(KeyError::Id));
        assert_eq!(error(&format!("../a:{LONG}")), Some(KeyError::Id));
        assert_eq!(error("a:hunter2"), Some(KeyError::Short("a".into())));
        let twice = format!("a:{LONG},a:{LONG}");
        assert_eq!(error(&twice), Some(KeyError::Twice("a".into())));
        assert!(
            !error("a:hunter2")
                .expect("short")
                .to_string()
                .contains("hunter2")
        );
    }

    #[test]
    fn a_single_key_is_named_by_its_secret() {
        let id = |secret| TokenKeys::single(&[secret; 32]).signing().id.clone();
        assert_eq!(id(1), id(1));
        assert_ne!(id(1), id(2));
        assert_eq!(id(1).len(), 8);
    }
}
