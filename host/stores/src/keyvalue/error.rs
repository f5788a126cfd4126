//! Errors of a key-value store.

use redis::RedisError;

use super::{LONGEST_KEY, MOST_KEYS};
use crate::{redis::UrlError, sql};

/// Error of a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The store cannot be reached, is overloaded, refuses, or the connection broke. It is unknown
    /// whether a change was made.
    #[error("the key-value store is unavailable: {0}")]
    Unavailable(String),
    /// The call took too long. It is unknown whether a change was made.
    #[error("the key-value store took too long")]
    Timeout,
    /// The key is empty or too long.
    #[error("a key has 1 to {LONGEST_KEY} bytes, not {length}")]
    InvalidKey {
        /// Length of the key in bytes.
        length: usize,
    },
    /// The cursor was not returned by this store.
    #[error("the cursor is not one that an earlier call has returned")]
    InvalidCursor,
    /// The value is longer than the bucket's grant allows.
    #[error("a value in this bucket has at most {most} bytes, not {length}")]
    TooLarge {
        /// Length of the value in bytes.
        length: usize,
        /// Greatest length in the bucket, in bytes.
        most: usize,
    },
    /// The call has too many keys: this many.
    #[error("one call takes at most {MOST_KEYS} keys, not {0}")]
    TooManyKeys(usize),
    /// The value is not an integer, or the sum does not fit into 64 bits.
    #[error("the value is no whole number, or the sum would not be one of 64 bits")]
    NotANumber,
}

/// Error of opening a store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL of Redis is malformed.
    #[error(transparent)]
    Redis(#[from] UrlError),
    /// The file of the embedded store cannot be opened.
    #[error(transparent)]
    Embedded(#[from] sql::OpenError),
    /// The tables of the embedded store cannot be created.
    #[error("the key-value store cannot be prepared: {0}")]
    Schema(#[source] sqlx::Error),
    /// The name has characters that would make keys ambiguous.
    #[error("{0:?} cannot be a part of keys: it must be letters, digits and hyphens")]
    Name(String),
}

impl OpenError {
    /// Returns whether a retry may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Embedded(error) => error.is_transient(),
            Self::Schema(error) => sql::is_transient(error),
            Self::Redis(_) | Self::Name(_) => false,
        }
    }
}

impl From<RedisError> for Error {
    fn from(error: RedisError) -> Self {
        if error.is_timeout() {
            Self::Timeout
        } else {
            Self::Unavailable(error.to_string())
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut => Self::Timeout,
            other => Self::Unavailable(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_takes_nothing_right_now_is_unavailable() {
        for refusal in [
            "LOADING Redis is loading the dataset in memory",
            "OOM command not allowed when used memory > 'maxmemory'.",
            "READONLY You can't write against a read only replica.",
            "MASTERDOWN Link with MASTER is down",
            "CLUSTERDOWN The cluster is down",
        ] {
            let answer = format!("-{refusal}\r\n");
            let answer = redis::parse_redis_value(answer.as_bytes()).expect("an answer");
            let error = answer.extract_error().expect_err(refusal);
            let told = Error::from(error);
            assert!(matches!(told, Error::Unavailable(_)), "{told:?}");
        }
    }
}
