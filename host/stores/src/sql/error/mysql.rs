//! Classifies errors of MySQL servers and of the connections to them, as sqlx
//! returns them.

use sqlx::mysql::MySqlDatabaseError;

use super::mysql_codes::{self as codes, Meaning};
use super::no_connection::{NoConnection, no_connection};
use super::redact::without_values;
use crate::sql::Error;

/// Converts an error of sqlx to one for the plugin.
pub(in crate::sql) fn typed(error: sqlx::Error) -> Error {
    match error {
        sqlx::Error::Database(error) => match error.try_downcast::<MySqlDatabaseError>() {
            Ok(error) => from_number(error.number(), without_values(error.message())),
            Err(other) => Error::Invalid(other.message().to_owned()),
        },
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Error::Unavailable(error.to_string()),
        other => Error::Invalid(other.to_string()),
    }
}

/// Converts an error number of a MySQL server to an error for the plugin.
fn from_number(number: u16, message: String) -> Error {
    match codes::meaning(number) {
        Some(Meaning::Conflict) => Error::Conflict(message),
        Some(Meaning::Timeout) => Error::Timeout,
        Some(
            Meaning::Broken
            | Meaning::Full
            | Meaning::Login
            | Meaning::ReadOnly
            | Meaning::Contention
            | Meaning::Busy,
        ) => Error::Unavailable(message),
        None => Error::Invalid(message),
    }
}

/// Error reported to plugins for a failure that is no mistake in the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The database cannot run the statement now: HTTP status 503.
    Unavailable,
    /// The statement took too long: HTTP status 504.
    Timeout,
    /// A key or check constraint refused the change: HTTP status 409.
    Conflict,
}

/// Returns the error numbers of MySQL and MariaDB that are no mistakes of a
/// statement, each with the kind of error reported to plugins and its name.
pub fn mysql_error_kinds() -> impl Iterator<Item = (u16, ErrorKind, &'static str)> {
    codes::CODES.iter().map(|(number, meaning, name)| {
        let kind = match meaning {
            Meaning::Conflict => ErrorKind::Conflict,
            Meaning::Timeout => ErrorKind::Timeout,
            _ => ErrorKind::Unavailable,
        };
        (*number, kind, *name)
    })
}

/// Returns the error number that a MySQL server gave; `None` if the error is
/// not the server's.
pub(in crate::sql) fn number(error: &sqlx::Error) -> Option<u16> {
    let sqlx::Error::Database(error) = error else {
        return None;
    };
    let mysql = error.try_downcast_ref::<MySqlDatabaseError>()?;
    Some(mysql.number())
}

fn meaning(error: &sqlx::Error) -> Option<Meaning> {
    codes::meaning(number(error)?)
}

/// Returns whether a transaction may be over after this error, so that a
/// further statement would be committed by itself.
pub(in crate::sql) fn ends_transaction(error: &sqlx::Error) -> bool {
    number(error).is_some_and(codes::ends_transaction)
}

/// Returns whether a statement lost against a concurrent one and is to be
/// retried. Outside of a transaction, such a statement was undone.
pub(in crate::sql) fn is_contention(error: &sqlx::Error) -> bool {
    meaning(error) == Some(Meaning::Contention)
}

/// Returns whether the server answered that it cannot run the statement now, as
/// opposed to the statement being wrong.
pub(in crate::sql) fn is_passing(error: &sqlx::Error) -> bool {
    let refuses = |number| matches!(from_number(number, String::new()), Error::Unavailable(_));
    number(error).is_some_and(refuses)
}

/// Returns whether the server does not answer, or temporarily refuses. A refused
/// login is corrected by an operator only.
pub(super) fn is_transient(error: &sqlx::Error) -> bool {
    let passes = is_passing(error) && meaning(error) != Some(Meaning::Login);
    passes || trouble(error) == Some(Trouble::Unreachable)
}

/// Returns whether `error` concerns the statement, as opposed to the
/// connection, the user's login or a lack of resources.
pub(in crate::sql) fn is_refusal(error: &sqlx::Error) -> bool {
    number(error).is_some_and(|number| {
        !matches!(
            codes::meaning(number),
            Some(Meaning::Broken | Meaning::Full | Meaning::Login | Meaning::Busy)
        )
    })
}

/// State of a MySQL server, or of the network to it, that an error reports
/// which is not about the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sql) enum Trouble {
    /// The server cannot be reached, or the connection broke.
    Unreachable,
    /// The server is read-only.
    ReadOnly,
}

/// Returns whether `error` reports a broken connection, as opposed to none
/// being available.
pub(in crate::sql) fn is_broken(error: &sqlx::Error) -> bool {
    let is_none_free = match error {
        sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Io(error) => no_connection(error).is_some(),
        _ => false,
    };
    trouble(error) == Some(Trouble::Unreachable) && !is_none_free
}

/// Returns whether no connection was available because all are in use: up to
/// this node's limits, or up to the server's own. The connections that exist
/// work.
pub(in crate::sql) fn is_bound_reached(error: &sqlx::Error) -> bool {
    let is_own = |error: &std::io::Error| {
        matches!(
            no_connection(error),
            Some(NoConnection::AllInUse { .. } | NoConnection::BoundReached { .. })
        )
    };
    match error {
        sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Io(error) => is_own(error),
        _ => meaning(error) == Some(Meaning::Full),
    }
}

/// Returns the trouble with the server that `error` reports, if any.
pub(in crate::sql) fn trouble(error: &sqlx::Error) -> Option<Trouble> {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::WorkerCrashed => Some(Trouble::Unreachable),
        _ => match meaning(error)? {
            Meaning::Broken => Some(Trouble::Unreachable),
            Meaning::ReadOnly => Some(Trouble::ReadOnly),
            _ => None,
        },
    }
}

/// Returns whether a connection is unusable after this error. A connection
/// whose user has an expired password stays so for good.
pub(in crate::sql) fn gives_up_connection(error: &sqlx::Error) -> bool {
    trouble(error).is_some()
        || meaning(error) == Some(Meaning::Login)
        || number(error).is_some_and(codes::wants_statements_back)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_unavailable_and_nothing_else_is() {
        for (number, meaning, name) in codes::CODES {
            let error = from_number(*number, String::new());
            let is_unavailable = matches!(error, Error::Unavailable(_));
            let passes = !matches!(meaning, Meaning::Conflict | Meaning::Timeout);
            assert_eq!(is_unavailable, passes, "{number} {name}: {error:?}");
        }
        // No default, too long, no such table, no right to it.
        for number in [1364, 1048, 1406, 1146, 1142] {
            let error = from_number(number, String::new());
            assert!(matches!(error, Error::Invalid(_)), "{number}: {error:?}");
        }
    }
}
