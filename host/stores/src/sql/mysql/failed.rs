//! Reasons that a call to a server has no result.

use crate::sql::Error;

/// Reason that a call has no result.
#[derive(Debug)]
pub(in crate::sql) enum Failed {
    /// The driver's error for a statement.
    Driver(sqlx::Error),
    /// No connection was available; the statement was not sent.
    Connect(sqlx::Error),
    /// An error for the plugin; the server answered.
    Call(Error),
}

impl From<sqlx::Error> for Failed {
    fn from(error: sqlx::Error) -> Self {
        Self::Driver(error)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Call(error)
    }
}
