//! Stored hashes of bcrypt: `$2a$`, `$2b$` and `$2y$`, which are equivalent.

use sha2::{Digest, Sha256};

use super::Unverifiable;
use super::text::{are_equal, bcrypt_base64};

const NAME: &str = "bcrypt";

/// Highest cost: about a second. Each step doubles the time.
const MAX_COST: u32 = 14;
const MIN_COST: u32 = 4;

/// Bytes of a password that bcrypt takes into account.
const COUNTED: usize = 72;

/// Characters of a whole hash. The salt ends at [`SALT_END`].
const LENGTH: usize = 60;
const SALT_END: usize = 29;

/// A hash of bcrypt.
#[derive(Debug)]
pub(in super::super) struct BcryptHash {
    cost: u32,
    salt: [u8; 16],
    output: Vec<u8>,
    /// True if the password was hashed by SHA-256 first, as Django does.
    is_of_sha256: bool,
}

impl BcryptHash {
    /// Parses a hash such as `$2b$12$...`.
    ///
    /// # Errors
    /// Returns an error if the hash is malformed, or its cost is too high.
    pub(super) fn parse(text: &str) -> Result<Self, Unverifiable> {
        let hash = Self::read(text).ok_or(Unverifiable::Malformed(NAME))?;
        match hash.cost <= MAX_COST {
            true => Ok(hash),
            false => Err(Unverifiable::TooCostly(NAME)),
        }
    }

    fn read(text: &str) -> Option<Self> {
        let versions = ["$2a$", "$2b$", "$2y$"];
        let is_known = versions.iter().any(|version| text.starts_with(version));
        if !is_known || text.len() != LENGTH || text.get(6..7) != Some("$") {
            return None;
        }
        let cost = text
            .get(4..6)?
            .parse()
            .ok()
            .filter(|cost| *cost >= MIN_COST)?;
        Some(Self {
            cost,
            salt: bcrypt_base64(text.get(7..SALT_END)?)?.try_into().ok()?,
            output: bcrypt_base64(text.get(SALT_END..)?)?,
            is_of_sha256: false,
        })
    }

    /// Returns the hash as one of the password's SHA-256 digest in hexadecimal.
    pub(super) fn with_sha256(self) -> Self {
        Self {
            is_of_sha256: true,
            ..self
        }
    }

    /// Returns whether bcrypt takes all of `password` into account: it ignores everything after 72
    /// bytes, and a zero byte ends the password and starts it again.
    pub(super) fn is_whole(&self, password: &str) -> bool {
        self.is_of_sha256 || (password.len() < COUNTED && !password.contains('\0'))
    }

    /// Returns whether the hash is one of `password`.
    pub(super) fn matches(&self, password: &str) -> bool {
        let mut bytes = match self.is_of_sha256 {
            true => hex::encode(Sha256::digest(password)).into_bytes(),
            false => password.as_bytes().to_vec(),
        };
        // A zero byte ends the password, if there is room for it.
        bytes.push(0);
        bytes.truncate(COUNTED);
        let computed = ::bcrypt::bcrypt(self.cost, self.salt, &bytes);
        let computed = computed.get(..self.output.len());
        computed.is_some_and(|computed| are_equal(computed, &self.output))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_that_is_cut_off_is_not_whole() {
        let text = "$2b$04$abcdefghijklmnopqrstuuYLNwrEIi78UB6l0JpuMRjb7Oz1DEqYi";
        let hash = BcryptHash::parse(text).expect("a hash");
        assert!(hash.is_whole(&"a".repeat(71)));
        assert!(!hash.is_whole(&"a".repeat(72)) && !hash.is_whole("a\0a"));
        assert!(hash.with_sha256().is_whole(&"a".repeat(72)));
    }
}
