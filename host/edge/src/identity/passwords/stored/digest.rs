//! Stored digests of passwords by hash functions that were not made for passwords.

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::text::{are_equal, fields, hex};
use crate::config::LegacyHash;

/// A digest of a password, perhaps with a salt.
#[derive(Debug)]
pub(in super::super) struct DigestHash {
    kind: LegacyHash,
    salt: String,
    output: Vec<u8>,
}

impl DigestHash {
    /// Parses hexadecimal digits, whose number tells the hash function, or `sha1$salt$hex` as old
    /// versions of Werkzeug and Django write it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (kind, salt, digits) = match fields(text, '$') {
            Some([name, salt, digits]) => (LegacyHash::from_name(name)?, salt, digits),
            None => (kind_of_length(text.len())?, "", text),
        };
        let output = hex(digits)?;
        let is_whole = kind_of_length(digits.len()) == Some(kind);
        is_whole.then(|| Self {
            kind,
            salt: salt.to_owned(),
            output,
        })
    }

    /// Returns the kind of the digest.
    pub(super) fn kind(&self) -> LegacyHash {
        self.kind
    }

    /// Returns whether the digest is one of `password`. With a salt, the text does not tell which
    /// of two ways was used: Django's, which puts the salt before the password, or Werkzeug's,
    /// which makes it the key of an HMAC.
    pub(super) fn matches(&self, password: &str) -> bool {
        let is_plain = are_equal(&self.digest(password), &self.output);
        let is_keyed = !self.salt.is_empty()
            && self
                .keyed_digest(password)
                .is_some_and(|computed| are_equal(&computed, &self.output));
        is_plain || is_keyed
    }

    fn digest(&self, password: &str) -> Vec<u8> {
        let text = [self.salt.as_str(), password].concat();
        match self.kind {
            LegacyHash::Md5 => Md5::digest(text).to_vec(),
            LegacyHash::Sha1 => Sha1::digest(text).to_vec(),
            LegacyHash::Sha256 => Sha256::digest(text).to_vec(),
            LegacyHash::Sha512 => Sha512::digest(text).to_vec(),
        }
    }

    fn keyed_digest(&self, password: &str) -> Option<Vec<u8>> {
        let key = self.salt.as_bytes();
        match self.kind {
            LegacyHash::Md5 => keyed::<Hmac<Md5>>(key, password),
            LegacyHash::Sha1 => keyed::<Hmac<Sha1>>(key, password),
            LegacyHash::Sha256 => keyed::<Hmac<Sha256>>(key, password),
            LegacyHash::Sha512 => keyed::<Hmac<Sha512>>(key, password),
        }
    }
}

fn keyed<M: Mac + KeyInit>(key: &[u8], password: &str) -> Option<Vec<u8>> {
    let mut mac = <M as KeyInit>::new_from_slice(key).ok()?;
    mac.update(password.as_bytes());
    Some(mac.finalize().into_bytes().to_vec())
}

/// Returns the kind of digest that has this number of hexadecimal digits.
fn kind_of_length(digits: usize) -> Option<LegacyHash> {
    match digits {
        32 => Some(LegacyHash::Md5),
        40 => Some(LegacyHash::Sha1),
        64 => Some(LegacyHash::Sha256),
        128 => Some(LegacyHash::Sha512),
        _ => None,
    }
}
