//! Password hashing by argon2id, and verification of hashes that other back ends stored, on threads
//! of their own.
//!
//! One hash takes some 20 ms of processor time and 19 MiB; those of other back ends take up to a
//! second or two. So they run on a few threads of low priority with a bounded queue: a flood of
//! logins is refused early, and does not slow down other requests. Clients share the queue fairly,
//! so that a flood by one delays a login of another by one turn.

mod fair_queue;
mod hashing;
mod pool;
mod stored;

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use pool::Pool;
use stored::{StoredHash, Unverifiable};

use crate::config::LegacyHashes;

/// Hashes that may be queued: a bit more than half a second of work for one thread, since no login
/// should wait longer. A plugin that asks for hashes has more instances than this and all threads
/// together, so that one client cannot keep all of them waiting here.
const QUEUE: usize = 32;

/// Greatest number of threads.
const MAX_THREADS: usize = 16;

/// Error of hashing or verifying a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// The queue is full.
    #[error("too many passwords wait for their turn")]
    Busy,
    /// The system has no randomness or memory, or the work panicked.
    #[error("the password could not be hashed")]
    Failed,
}

/// Result of comparing a password with a stored hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordCheck {
    /// The hash is of another password, or there is no hash.
    Wrong,
    /// The hash is of this password.
    Right,
    /// The hash is of this password, and a new hash would be stronger.
    Outdated,
    /// No password can be verified by the hash: its kind is unknown or not allowed, or it needs too
    /// much memory or time.
    Unverifiable,
}

/// Hashing and verification of passwords on one node.
pub struct Passwords {
    pool: Pool,
    legacy: LegacyHashes,
}

impl Passwords {
    /// Starts one thread for every two processors. `legacy` lists the kinds of hashes to accept
    /// that were not made for passwords.
    #[must_use]
    pub fn new(legacy: LegacyHashes) -> Self {
        let processors = available_parallelism().map_or(1, NonZeroUsize::get);
        let threads = (processors / 2).clamp(1, MAX_THREADS);
        Self {
            pool: Pool::new("passwords", threads, QUEUE),
            legacy,
        }
    }

    /// Returns the hash of `password` as a PHC string with a random salt. The work waits in the
    /// queue's line of `client`.
    ///
    /// # Errors
    /// Returns an error if the queue is full, or the system is out of memory.
    pub async fn hash(&self, client: &str, password: String) -> Result<String, PasswordError> {
        let hashing = move || hashing::hash(&password);
        let hashed = self.pool.run(client, hashing).await;
        hashed?.ok_or(PasswordError::Failed)
    }

    /// Checks `password` against the hash `stored`, of any supported kind. Without a hash, or with
    /// one that cannot be used, the check takes as long as a new hash. The work waits in the
    /// queue's line of `client`.
    ///
    /// # Errors
    /// Returns an error if the queue is full.
    pub async fn check(
        &self,
        client: &str,
        password: String,
        stored: Option<String>,
    ) -> Result<PasswordCheck, PasswordError> {
        let legacy = self.legacy.clone();
        let checking = move || check(&password, stored.as_deref(), &legacy);
        match self.pool.run(client, checking).await? {
            Ok(check) => Ok(check),
            Err(reason) => {
                tracing::warn!("a stored password hash cannot be verified: {reason}");
                Ok(PasswordCheck::Unverifiable)
            }
        }
    }

    /// Returns whether `stored` is a hash of `password`: false without a hash, or with one that
    /// cannot be used.
    ///
    /// # Errors
    /// Returns an error if the queue is full.
    pub async fn verify(
        &self,
        client: &str,
        password: String,
        stored: Option<String>,
    ) -> Result<bool, PasswordError> {
        let check = self.check(client, password, stored).await?;
        Ok(matches!(
            check,
            PasswordCheck::Right | PasswordCheck::Outdated
        ))
    }
}

fn check(
    password: &str,
    stored: Option<&str>,
    legacy: &LegacyHashes,
) -> Result<PasswordCheck, Unverifiable> {
    let hash = stored.map(|stored| StoredHash::parse(stored, legacy));
    if !matches!(&hash, Some(Ok(hash)) if !hash.is_fast()) {
        hashing::verify_dummy(password);
    }
    let Some(hash) = hash.transpose()? else {
        return Ok(PasswordCheck::Wrong);
    };
    Ok(match (hash.matches(password), hash.is_current()) {
        (false, _) => PasswordCheck::Wrong,
        (true, true) => PasswordCheck::Right,
        (true, false) if hash.is_whole(password) => PasswordCheck::Outdated,
        (true, false) => PasswordCheck::Right,
    })
}

impl From<pool::RunError> for PasswordError {
    fn from(error: pool::RunError) -> Self {
        match error {
            pool::RunError::Full => Self::Busy,
            pool::RunError::Panicked => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passwords() -> Passwords {
        Passwords::new(LegacyHashes::default())
    }

    #[tokio::test]
    async fn only_the_password_that_was_hashed_is_right() {
        let passwords = passwords();
        let hash = passwords
            .hash("a", "correct horse".into())
            .await
            .expect("hash");
        for (password, expected) in [
            ("correct horse", PasswordCheck::Right),
            ("correct horse ", PasswordCheck::Wrong),
            ("Correct horse", PasswordCheck::Wrong),
            ("", PasswordCheck::Wrong),
        ] {
            let check = passwords
                .check("a", password.into(), Some(hash.clone()))
                .await;
            assert_eq!(check, Ok(expected), "{password:?}");
            let verified = passwords
                .verify("a", password.into(), Some(hash.clone()))
                .await;
            assert_eq!(verified, Ok(expected == PasswordCheck::Right));
        }
    }

    #[tokio::test]
    async fn an_unknown_user_costs_a_hash_too() {
        let passwords = passwords();
        for (stored, expected) in [
            (None, PasswordCheck::Wrong),
            (Some("no hash".to_owned()), PasswordCheck::Unverifiable),
        ] {
            let before = passwords.pool.done();
            let check = passwords.check("a", "secret".into(), stored).await;
            assert_eq!(check, Ok(expected));
            assert_eq!(passwords.pool.done(), before + 1);
        }
    }
}
