//! A provider's reply to a request, and the lack of one.

use edge_sdk::sql;

/// The provider's answer to a request: HTTP status and body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The whole body.
    pub body: String,
}

/// No answer, or none that can be told: what was asked for may have been done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unanswered(pub String);

impl From<sql::Error> for Unanswered {
    fn from(error: sql::Error) -> Self {
        Self(error.to_string())
    }
}
