//! Errors of statements, and the part of them that a client sees.

use std::fmt::Display;

use serde::de;

use crate::{Failure, bindings::edge::platform::sql as host};

const UNAVAILABLE: Failure = Failure::new(503, "HTTP_503", "The database is not available.");
const TIMEOUT: Failure = Failure::new(504, "HTTP_504", "The database took too long.");
const CONFLICT: Failure = Failure::new(409, "HTTP_409", "The change conflicts with other data.");

/// Why a statement did not succeed.
///
/// Turned into a [`Failure`] by `?`, it tells the client no more than the
/// status: 503 with `retry-after` if the database is unavailable, 504 for a
/// timeout, 409 for a conflict, and 500 for a mistake of the plugin, whose
/// reason goes to the log.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The manifest does not grant this; the text says what.
    #[error("not granted: {0}")]
    Denied(String),
    /// The statement or a parameter is wrong; the text says how.
    #[error("invalid: {0}")]
    Invalid(String),
    /// A unique key, a foreign key or a check refused the change.
    #[error("conflict: {0}")]
    Conflict(String),
    /// A limit of rows, bytes or calls was passed; the text names it.
    #[error("too large: {0}")]
    TooLarge(String),
    /// The request's deadline passed while the database worked.
    #[error("timeout")]
    Timeout,
    /// The database cannot be reached, is overloaded, or broke off.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// The rows are not of the form that the plugin expects.
    #[error("unexpected rows: {0}")]
    Decode(String),
}

impl From<host::Error> for Error {
    fn from(error: host::Error) -> Self {
        match error {
            host::Error::Denied(what) => Self::Denied(what),
            host::Error::Invalid(how) => Self::Invalid(how),
            host::Error::Conflict(with) => Self::Conflict(with),
            host::Error::TooLarge(limit) => Self::TooLarge(limit),
            host::Error::Timeout => Self::Timeout,
            host::Error::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

impl de::Error for Error {
    fn custom<T: Display>(message: T) -> Self {
        Self::Decode(message.to_string())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable(_) => UNAVAILABLE.header("retry-after", "1"),
            Error::Timeout => TIMEOUT,
            Error::Conflict(_) => CONFLICT,
            Error::Denied(_) | Error::Invalid(_) | Error::TooLarge(_) | Error::Decode(_) => {
                crate::capabilities::error::internal("sql", error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wit;

    const SECRET: &str = "near \"customer.password\"";

    fn seen_by_client(error: Error) -> wit::Failure {
        Failure::from(error).into()
    }

    #[test]
    fn each_error_has_its_status() {
        let secret = || SECRET.to_owned();
        let expected = [
            (Error::Denied(secret()), 500),
            (Error::Invalid(secret()), 500),
            (Error::Conflict(secret()), 409),
            (Error::TooLarge(secret()), 500),
            (Error::Timeout, 504),
            (Error::Unavailable(secret()), 503),
            (Error::Decode(secret()), 500),
        ];
        for (error, status) in expected {
            let failure = seen_by_client(error);
            assert_eq!(failure.status, status);
            assert_eq!(failure.code, format!("HTTP_{status}"));
            assert!(!failure.message.contains(SECRET));
            assert_eq!(failure.field, None);
        }
    }

    #[test]
    fn an_absent_database_is_worth_another_try() {
        let headers = seen_by_client(Error::Unavailable(String::new())).headers;
        assert_eq!(headers, [("retry-after".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn the_log_gets_the_reason() {
        let line = Error::Denied(SECRET.to_owned()).to_string();
        assert_eq!(line, format!("not granted: {SECRET}"));
    }
}
