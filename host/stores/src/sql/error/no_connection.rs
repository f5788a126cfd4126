//! Reasons that a pool returned no connection.

use std::time::Duration;

/// Time limit for waiting for a connection, and for opening a new one.
pub(in crate::sql) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// Reason that a pool returned no connection, carried as an I/O error of the
/// driver.
#[derive(Debug, thiserror::Error)]
pub(in crate::sql) enum NoConnection {
    /// Every connection of the pool stayed in use.
    #[error(
        "all {most} connections of this pool were in use for {}, and {waiting} request(s) wait \
         for one",
        humantime::format_duration(ACQUIRE_TIMEOUT)
    )]
    AllInUse {
        /// Largest number of connections that the pool may open.
        most: usize,
        /// Requests that wait, including this one.
        waiting: usize,
    },
    /// The plugins of this node used all connections that they may have
    /// together.
    #[error(
        "the {most} connections that this node's plugins may have together \
         (database_connections_total) were in use for {}",
        humantime::format_duration(ACQUIRE_TIMEOUT)
    )]
    BoundReached {
        /// Largest number of connections of all plugins.
        most: u32,
    },
    /// No connection could be opened in time.
    #[error(
        "no connection could be made within {}: {why}",
        humantime::format_duration(ACQUIRE_TIMEOUT)
    )]
    NotMade {
        /// Error of the last attempt, or that the server did not answer.
        why: String,
    },
}

impl From<NoConnection> for sqlx::Error {
    fn from(error: NoConnection) -> Self {
        Self::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, error))
    }
}

/// Returns the reason that a pool returned no connection, if `error` carries
/// one.
pub(in crate::sql) fn no_connection(error: &std::io::Error) -> Option<&NoConnection> {
    error.get_ref()?.downcast_ref()
}
