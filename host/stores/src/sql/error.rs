//! Maps errors of databases to those of `edge:platform/sql`.

use sqlx::mysql::MySqlDatabaseError;
use url::Url;

use super::mysql::codes::{self, Meaning};
use super::mysql::{UnsupportedServer, UrlError};
use super::pool::{NoConnection, no_connection};
use crate::sql::Error;

/// Reason that a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is malformed.
    #[error("database {url} has a malformed URL: {source}")]
    Url {
        /// The URL, without its password.
        url: String,
        /// Syntax error in the URL.
        source: UrlError,
    },
    /// The database does not answer, or refuses the connection.
    #[error("database {url} cannot be opened: {source}")]
    Connect {
        /// The URL, without its password.
        url: String,
        /// Error of the driver or of the file system.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server refuses the connection, and the operator can correct the
    /// cause.
    #[error("database {url} cannot be opened: {source} ({advice})")]
    Refused {
        /// The URL, without its password.
        url: String,
        /// Error of the driver.
        source: Box<dyn std::error::Error + Send + Sync>,
        /// Correction suggested to the operator.
        advice: &'static str,
    },
    /// The server is too old, or its settings do not suit a node.
    #[error("database {url} cannot be used: {source}")]
    Unsupported {
        /// The URL, without its password.
        url: String,
        /// Version or setting that does not suit.
        source: UnsupportedServer,
    },
    /// The directory of a database file cannot be created.
    #[error("database {url}: its folder cannot be made: {source}")]
    Folder {
        /// The URL of the file.
        url: String,
        /// Error of the file system.
        source: std::io::Error,
    },
}

impl OpenError {
    /// Returns whether a later attempt may succeed: the database did not
    /// answer, or its disk failed. A refused connection is not transient.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        let Self::Connect { source, .. } = self else {
            return false;
        };
        if let Some(error) = source.downcast_ref::<sqlx::Error>() {
            return is_transient(error);
        }
        if let Some(error) = source.downcast_ref::<rusqlite::Error>() {
            let code = primary_code(error);
            return code.is_some_and(|code| SQLITE_OPEN_PASSING.contains(&code));
        }
        let error = source.downcast_ref::<std::io::Error>();
        error.is_some_and(|error| error.kind() == std::io::ErrorKind::StorageFull)
    }

    /// Returns whether the error concerns connecting, as opposed to the URL,
    /// the directory or the server's suitability.
    #[must_use]
    pub fn is_about_connecting(&self) -> bool {
        matches!(self, Self::Connect { .. } | Self::Refused { .. })
    }
}

/// Returns whether `error` says that the database does not answer or its disk
/// fails, rather than that the statement is wrong.
pub(crate) fn is_transient(error: &sqlx::Error) -> bool {
    let is_disk = sqlite_code(error).is_some_and(|code| SQLITE_OPEN_PASSING.contains(&code));
    let passes = is_passing(error) && meaning(error) != Some(Meaning::Login);
    is_disk || passes || trouble(error) == Some(Trouble::Unreachable)
}

/// Returns `url` with its password masked and without its query, for messages.
#[must_use]
pub fn redacted_url(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut parsed) => {
            if parsed.password().is_some() {
                // Fails only for URLs that cannot have a password.
                let _ = parsed.set_password(Some("***"));
            }
            parsed.set_query(None);
            parsed.to_string()
        }
        Err(_) => "(a URL that cannot be parsed)".to_owned(),
    }
}

/// Converts an error of sqlx to one for the plugin.
pub(super) fn typed(error: sqlx::Error) -> Error {
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

/// Converts an error of rusqlite to one for the plugin.
pub(super) fn from_rusqlite(error: rusqlite::Error) -> Error {
    let code = extended_code(&error);
    let message = match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message,
        other => other.to_string(),
    };
    let Some(code) = code else {
        return Error::Invalid(message);
    };
    match code & 0xff {
        _ if SQLITE_CONFLICTS.contains(&code) => Error::Conflict(message),
        SQLITE_INTERRUPT => Error::Timeout,
        SQLITE_AUTH => Error::Denied(message),
        SQLITE_TOO_BIG => Error::TooLarge(message),
        primary if SQLITE_PASSING.contains(&primary) => Error::Unavailable(message),
        _ => Error::Invalid(message),
    }
}

/// Returns whether SQLite was told to end the statement.
pub(super) fn is_interrupted(error: &rusqlite::Error) -> bool {
    primary_code(error) == Some(SQLITE_INTERRUPT)
}

/// Returns whether SQLite met a lock of another process.
pub(super) fn is_locked(error: &rusqlite::Error) -> bool {
    primary_code(error) == Some(SQLITE_BUSY)
}

/// Returns the primary code of an error with which SQLite refuses changes until
/// something outside the platform is corrected, such as a full disk.
pub(super) fn refusal_code(error: &rusqlite::Error) -> Option<u32> {
    primary_code(error).filter(|code| is_refusal(*code))
}

/// Returns the primary code of an error of sqlx with which SQLite refuses
/// changes until something outside the platform is corrected, such as a full
/// disk.
pub(crate) fn sqlite_refusal_code(error: &sqlx::Error) -> Option<u32> {
    sqlite_code(error).filter(|code| is_refusal(*code))
}

/// Returns whether a primary code stands for a temporary failure other than
/// contention for a lock.
fn is_refusal(code: u32) -> bool {
    SQLITE_PASSING.contains(&code) && ![SQLITE_BUSY, SQLITE_LOCKED].contains(&code)
}

/// Returns the primary code, which extended codes carry in their low byte.
fn primary_code(error: &rusqlite::Error) -> Option<u32> {
    extended_code(error).map(|code| code & 0xff)
}

fn extended_code(error: &rusqlite::Error) -> Option<u32> {
    u32::try_from(error.sqlite_error()?.extended_code).ok()
}

/// Texts with which MariaDB and MySQL begin to quote a value in an error. The
/// value may be personal data, such as an address or a card number, and plugins
/// log the errors that they get.
const QUOTES: [&str; 2] = ["Duplicate entry '", "value: '"];

/// Returns `message` without the value that it quotes.
pub(super) fn without_values(message: &str) -> String {
    let cut = |quote: &str| {
        let (before, rest) = message.split_once(quote)?;
        // The value may contain quotes itself. The text after it, with names of
        // columns and keys, begins with one of these.
        let after = ["' for key ", "' for column ", "' for function "]
            .into_iter()
            .find_map(|after| rest.rfind(after));
        let after = after.and_then(|place| rest.get(place..)).unwrap_or("'");
        Some(format!("{before}{quote}...{after}"))
    };
    let found = QUOTES.into_iter().find_map(cut);
    found.unwrap_or_else(|| message.to_owned())
}

/// SQLite: the statement was interrupted, since it ran past its deadline or was
/// abandoned.
const SQLITE_INTERRUPT: u32 = 9;

/// SQLite: a text or blob is longer than the connection's limit.
const SQLITE_TOO_BIG: u32 = 18;

/// SQLite: the authorizer refused the statement.
const SQLITE_AUTH: u32 = 23;

/// SQLite: another process held the lock for too long.
const SQLITE_BUSY: u32 = 5;

/// SQLite: another connection of this process holds a lock.
const SQLITE_LOCKED: u32 = 6;

/// SQLite's extended codes for the constraints CHECK, FOREIGN KEY, PRIMARY KEY,
/// UNIQUE and ROWID. See <https://sqlite.org/rescode.html>.
const SQLITE_CONFLICTS: [u32; 5] = [275, 787, 1555, 2067, 2579];

/// SQLite's primary codes for failures that are temporary or can be corrected
/// outside the platform: BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN
/// and PROTOCOL.
const SQLITE_PASSING: [u32; 8] = [5, 6, 7, 8, 10, 13, 14, 15];

/// Returns the error number that a MySQL server gave; `None` if the error is
/// not the server's.
pub(super) fn number(error: &sqlx::Error) -> Option<u16> {
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
pub(super) fn ends_transaction(error: &sqlx::Error) -> bool {
    number(error).is_some_and(codes::ends_transaction)
}

/// Returns whether a statement lost against a concurrent one and is to be
/// retried. Outside of a transaction, such a statement was undone.
pub(super) fn is_contention(error: &sqlx::Error) -> bool {
    meaning(error) == Some(Meaning::Contention)
}

/// Returns whether the server answered that it cannot run the statement now, as
/// opposed to the statement being wrong.
pub(super) fn is_passing(error: &sqlx::Error) -> bool {
    let refuses = |number| matches!(from_number(number, String::new()), Error::Unavailable(_));
    number(error).is_some_and(refuses)
}

/// State of a MySQL server, or of the network to it, that an error reports
/// which is not about the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The server cannot be reached, or the connection broke.
    Unreachable,
    /// The server is read-only.
    ReadOnly,
}

/// Returns whether `error` reports a broken connection, as opposed to none
/// being available.
pub(super) fn is_broken(error: &sqlx::Error) -> bool {
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
pub(super) fn is_bound_reached(error: &sqlx::Error) -> bool {
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
pub(super) fn trouble(error: &sqlx::Error) -> Option<Trouble> {
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

/// SQLite's primary codes after which opening a file may succeed later.
/// CANTOPEN is not among them: a path that does not exist is a mistake in the
/// settings.
const SQLITE_OPEN_PASSING: [u32; 4] = [5, 6, 10, 13];

/// Returns SQLite's primary code of an error of sqlx; `None` for another
/// database.
fn sqlite_code(error: &sqlx::Error) -> Option<u32> {
    let sqlx::Error::Database(error) = error else {
        return None;
    };
    error.try_downcast_ref::<sqlx::sqlite::SqliteError>()?;
    let code: u32 = error.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// Returns whether a connection is unusable after this error. A connection
/// whose user has an expired password stays so for good.
pub(super) fn gives_up_connection(error: &sqlx::Error) -> bool {
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

    #[test]
    fn sqlite_tells_what_passes_from_mistakes() {
        let of = |code| {
            let error = rusqlite::ffi::Error::new(code);
            from_rusqlite(rusqlite::Error::SqliteFailure(error, None))
        };
        // BUSY, BUSY_SNAPSHOT, LOCKED, NOMEM, READONLY, IOERR, IOERR_FSYNC, FULL, CANTOPEN.
        for code in [5, 517, 6, 7, 8, 10, 1034, 13, 14] {
            assert!(matches!(of(code), Error::Unavailable(_)), "{code}");
        }
        for code in [275, 787, 1555, 2067] {
            assert!(matches!(of(code), Error::Conflict(_)), "{code}");
        }
        // ERROR, NOT NULL, CORRUPT.
        for code in [1, 1299, 11] {
            assert!(matches!(of(code), Error::Invalid(_)), "{code}");
        }
    }

    #[test]
    fn a_lock_of_others_is_no_refusal() {
        let of = |code| {
            let error = rusqlite::ffi::Error::new(code);
            refusal_code(&rusqlite::Error::SqliteFailure(error, None))
        };
        // READONLY, IOERR_WRITE, FULL, CANTOPEN.
        for (code, primary) in [(8, 8), (778, 10), (13, 13), (14, 14)] {
            assert_eq!(of(code), Some(primary), "{code}");
        }
        // ERROR, BUSY, LOCKED, INTERRUPT, UNIQUE.
        for code in [1, 5, 6, 9, 2067] {
            assert_eq!(of(code), None, "{code}");
        }
    }

    #[test]
    fn messages_show_no_value() {
        let cases = [
            (
                "Duplicate entry 'ada@example.com' for key 'email'",
                "Duplicate entry '...' for key 'email'",
            ),
            (
                "Duplicate entry 'a' for key 'b' for key 'email'",
                "Duplicate entry '...' for key 'email'",
            ),
            (
                "Incorrect integer value: '4242' for column `a`.`b` at row 1",
                "Incorrect integer value: '...' for column `a`.`b` at row 1",
            ),
            (
                "Truncated incorrect DOUBLE value: 'x'",
                "Truncated incorrect DOUBLE value: '...'",
            ),
            (
                "UNIQUE constraint failed: t.email",
                "UNIQUE constraint failed: t.email",
            ),
        ];
        for (message, expected) in cases {
            assert_eq!(without_values(message), expected);
        }
    }

    #[test]
    fn messages_show_no_password() {
        assert_eq!(
            redacted_url("mysql://shop:hunter2@db:3306/shop?ssl-mode=x"),
            "mysql://shop:***@db:3306/shop"
        );
        assert_eq!(redacted_url("mysql://db/shop"), "mysql://db/shop");
        assert!(!redacted_url("mysql://u:hunter2@[bad").contains("hunter2"));
    }
}
