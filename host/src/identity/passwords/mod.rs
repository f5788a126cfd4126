//! Passwords: argon2id, on threads that are kept for it.
//!
//! One hash takes some 20 ms of a processor and 19 MiB. So they run on few
//! threads of low priority with a bounded queue: a flood of logins is turned
//! away early, and costs those who only look at the catalog nothing. Clients
//! share the queue fairly, so that a flood of one costs the logins of others
//! one turn.

mod fair_queue;
mod hashing;
mod pool;

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use pool::Pool;

/// Hashes that may wait: a bit more than half a second of work for one thread,
/// and longer than that nobody should wait for a login. A plugin that asks for
/// hashes has more instances than this and all threads together, so that one
/// client cannot keep all of them waiting here.
const QUEUE: usize = 32;

/// Most threads.
const MAX_THREADS: usize = 16;

/// A password was not hashed or verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// As many wait as may.
    #[error("too many passwords wait for their turn")]
    Busy,
    /// The system has no randomness or memory to give.
    #[error("the password could not be hashed")]
    Failed,
}

/// Hashes and verifies the passwords of one node.
pub struct Passwords {
    pool: Pool,
}

impl Passwords {
    /// Starts a thread for every other processor.
    #[must_use]
    pub fn new() -> Self {
        let processors = available_parallelism().map_or(1, NonZeroUsize::get);
        let threads = (processors / 2).clamp(1, MAX_THREADS);
        Self {
            pool: Pool::new("passwords", threads, QUEUE),
        }
    }

    /// The hash of `password` as a PHC string, with a salt of its own. The work
    /// waits in the line of `client`.
    ///
    /// # Errors
    /// When too many wait, or the system is out of memory.
    pub async fn hash(&self, client: &str, password: String) -> Result<String, PasswordError> {
        let hashing = move || hashing::hash(&password);
        let hashed = self.pool.run(client, hashing).await;
        hashed?.ok_or(PasswordError::Failed)
    }

    /// Whether `password` is the one behind the PHC string `stored`. Without
    /// one, and with one that is none, the answer is no after the same work,
    /// which waits in the line of `client`.
    ///
    /// # Errors
    /// When too many wait.
    pub async fn verify(
        &self,
        client: &str,
        password: String,
        stored: Option<String>,
    ) -> Result<bool, PasswordError> {
        let verifying = move || hashing::verify(&password, stored.as_deref());
        Ok(self.pool.run(client, verifying).await?)
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
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

    #[tokio::test]
    async fn only_the_password_that_was_hashed_is_right() {
        let passwords = Passwords::new();
        let hash = passwords
            .hash("a", "correct horse".into())
            .await
            .expect("hash");
        for (password, right) in [
            ("correct horse", true),
            ("correct horse ", false),
            ("Correct horse", false),
            ("", false),
        ] {
            let verified = passwords
                .verify("a", password.into(), Some(hash.clone()))
                .await;
            assert_eq!(verified, Ok(right), "{password:?}");
        }
    }

    #[tokio::test]
    async fn an_unknown_user_costs_a_hash_too() {
        let passwords = Passwords::new();
        for stored in [None, Some("no hash".to_owned())] {
            let before = passwords.pool.done();
            let verified = passwords.verify("a", "secret".into(), stored).await;
            assert_eq!(verified, Ok(false));
            assert_eq!(passwords.pool.done(), before + 1);
        }
    }
}
