//! Password hashes in databases: those that this host made, and those of other back ends whose
//! accounts it took over.

mod argon2;
mod bcrypt;
mod digest;
mod pbkdf2;
mod scrypt;
#[cfg(test)]
mod tests;
mod text;

use crate::config::{LegacyHash, LegacyHashes};

pub(super) use self::argon2::Argon2Hash;
use self::bcrypt::BcryptHash;
use self::digest::DigestHash;
use self::pbkdf2::Pbkdf2Hash;
use self::scrypt::ScryptHash;

/// Longest stored hash, in bytes.
const MAX_LENGTH: usize = 512;

/// Memory in KiB that verifying one hash may take: twice OWASP's strongest parameters, and no more
/// than a small machine has.
const MAX_MEMORY_KIB: u64 = 128 * 1024;

/// Memory in KiB that one verification may write, over all passes: about a second of work.
const MAX_WRITTEN_KIB: u64 = 512 * 1024;

/// Error of a hash by which no password can be verified. The texts show nothing of the hash, which
/// may be a password in plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unverifiable {
    /// Neither its form nor its length is that of a supported kind.
    #[error("it is of no kind that is supported")]
    UnknownKind,
    /// The kind is supported, but the text is malformed.
    #[error("it is a malformed hash of {0}")]
    Malformed(&'static str),
    /// Verification would take too much memory or time.
    #[error("its parameters ask for more work than is done for one password by {0}")]
    TooCostly(&'static str),
    /// The operator does not allow the kind.
    #[error("`legacy_password_hashes` does not allow {0}")]
    NotAllowed(LegacyHash),
}

/// A hash by which passwords can be verified, within the limits on memory and time.
#[derive(Debug)]
pub(super) enum StoredHash {
    Argon2(Argon2Hash),
    Bcrypt(BcryptHash),
    Scrypt(ScryptHash),
    Pbkdf2(Pbkdf2Hash),
    Digest(DigestHash),
}

impl StoredHash {
    /// Parses a hash from a database. `legacy` lists the kinds to accept that were not made for
    /// passwords.
    ///
    /// # Errors
    /// Returns an error if no password can be verified by the hash.
    pub(super) fn parse(stored: &str, legacy: &LegacyHashes) -> Result<Self, Unverifiable> {
        // Columns of fixed width are padded with blanks.
        let stored = stored.trim();
        if stored.len() > MAX_LENGTH {
            return Err(Unverifiable::UnknownKind);
        }
        // Django writes the name of its algorithm before a whole hash.
        if let Some(hash) = stored.strip_prefix("bcrypt_sha256$") {
            return BcryptHash::parse(hash).map(|hash| Self::Bcrypt(hash.with_sha256()));
        }
        if let Some(hash) = stored.strip_prefix("argon2$") {
            let hash = Argon2Hash::parse(&format!("${hash}"));
            return hash.map(|hash| Self::Argon2(hash.with_prefix()));
        }
        let hash = stored.strip_prefix("bcrypt$").unwrap_or(stored);
        if hash.starts_with("$argon2") {
            return Argon2Hash::parse(hash).map(Self::Argon2);
        }
        if hash.starts_with("$2") {
            return BcryptHash::parse(hash).map(Self::Bcrypt);
        }
        if hash.trim_start_matches('$').starts_with("scrypt") {
            return ScryptHash::parse(hash).map(Self::Scrypt);
        }
        if hash.trim_start_matches('$').starts_with("pbkdf2") {
            return Pbkdf2Hash::parse(hash).map(Self::Pbkdf2);
        }
        let digest = DigestHash::parse(hash).ok_or(Unverifiable::UnknownKind)?;
        match legacy.allow(digest.kind()) {
            true => Ok(Self::Digest(digest)),
            false => Err(Unverifiable::NotAllowed(digest.kind())),
        }
    }

    /// Returns whether the hash is one of `password`.
    pub(super) fn matches(&self, password: &str) -> bool {
        match self {
            Self::Argon2(hash) => hash.matches(password),
            Self::Bcrypt(hash) => hash.matches(password),
            Self::Scrypt(hash) => hash.matches(password),
            Self::Pbkdf2(hash) => hash.matches(password),
            Self::Digest(hash) => hash.matches(password),
        }
    }

    /// Returns whether all of `password` was compared. If only its beginning was, it may be
    /// misspelt, and must not be hashed anew.
    pub(super) fn is_whole(&self, password: &str) -> bool {
        match self {
            Self::Bcrypt(hash) => hash.is_whole(password),
            _ => true,
        }
    }

    /// Returns whether a new hash would be no stronger.
    pub(super) fn is_current(&self) -> bool {
        matches!(self, Self::Argon2(hash) if hash.is_current())
    }

    /// Returns whether verification takes a negligible time.
    pub(super) fn is_fast(&self) -> bool {
        matches!(self, Self::Digest(_))
    }
}
