//! Failures of statements on a SQLite file.

use tokio::task::JoinError;

use crate::sql::Error;
use crate::sql::error::sqlite::{from_rusqlite, is_interrupted, is_locked};

/// Reason that a statement failed.
#[derive(Debug, thiserror::Error)]
pub(in crate::sql) enum Failure {
    /// Error of SQLite.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// Error for the plugin.
    #[error(transparent)]
    Typed(#[from] Error),
}

impl Failure {
    /// Returns whether the query may succeed on a blocking thread: it was
    /// interrupted, or has to wait for a lock.
    pub(super) fn needs_blocking_thread(&self) -> bool {
        matches!(self, Self::Sqlite(error) if is_interrupted(error) || is_locked(error))
    }

    /// Converts the failure to an error for the plugin.
    pub(in crate::sql) fn typed(self) -> Error {
        match self {
            Self::Sqlite(error) => from_rusqlite(error),
            Self::Typed(error) => error,
        }
    }
}

/// Returns the failure of a task that panicked.
pub(super) fn panicked(error: &JoinError) -> Failure {
    Failure::Typed(Error::Unavailable(error.to_string()))
}
