//! How a database fails, in the words of `edge:platform/sql`.

use sqlx::mysql::MySqlDatabaseError;
use url::Url;

use super::mysql::codes::{self, Meaning};
use super::mysql::{UnsupportedServer, UrlError};
use super::pool::{NoConnection, no_connection};
use crate::sql::Error;

/// A database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is malformed.
    #[error("database {url} has a malformed URL: {source}")]
    Url {
        /// The URL, without its password.
        url: String,
        /// What is wrong with it.
        source: UrlError,
    },
    /// It does not answer, or refuses us.
    #[error("database {url} cannot be opened: {source}")]
    Connect {
        /// The URL, without its password.
        url: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server refuses us, and something can be done about it.
    #[error("database {url} cannot be opened: {source} ({advice})")]
    Refused {
        /// The URL, without its password.
        url: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
        /// What to do about it.
        advice: &'static str,
    },
    /// The server is too old, or is set so that a node cannot work with it.
    #[error("database {url} cannot be used: {source}")]
    Unsupported {
        /// The URL, without its password.
        url: String,
        /// Why.
        source: UnsupportedServer,
    },
    /// The folder of a database file cannot be made.
    #[error("database {url}: its folder cannot be made: {source}")]
    Folder {
        /// The URL.
        url: String,
        /// Why.
        source: std::io::Error,
    },
}

impl OpenError {
    /// Whether the same attempt may well succeed later: the database did not
    /// answer, or its disk failed. A database that refuses us is none of that.
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

    /// Whether the database was found, and lets us in or not.
    #[must_use]
    pub fn is_about_connecting(&self) -> bool {
        matches!(self, Self::Connect { .. } | Self::Refused { .. })
    }
}

/// Whether `error` tells of a database that does not answer, or whose disk
/// fails, rather than of what it was asked.
pub(crate) fn is_transient(error: &sqlx::Error) -> bool {
    let is_disk = sqlite_code(error).is_some_and(|code| SQLITE_OPEN_PASSING.contains(&code));
    let passes = is_passing(error) && meaning(error) != Some(Meaning::Login);
    is_disk || passes || trouble(error) == Some(Trouble::Unreachable)
}

/// `url` without its password, for messages.
#[must_use]
pub fn redacted_url(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut parsed) => {
            if parsed.password().is_some() {
                // Fails only for URLs that cannot have one.
                let _ = parsed.set_password(Some("***"));
            }
            parsed.set_query(None);
            parsed.to_string()
        }
        Err(_) => "(a URL that cannot be parsed)".to_owned(),
    }
}

/// sqlx's error as the plugin sees it.
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

/// Returns what the plugin is told of a MySQL server's error.
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

/// What plugins are told of an error that is no mistake of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The database cannot do it now: 503 for clients.
    Unavailable,
    /// It took too long: 504.
    Timeout,
    /// A key or check refused the change: 409.
    Conflict,
}

/// Returns the error numbers of MySQL and MariaDB that are no mistakes of a
/// statement, with what plugins are told of each, and its name.
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

/// Returns rusqlite's error as the plugin sees it.
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

/// Whether SQLite was told to end a statement.
pub(super) fn is_interrupted(error: &rusqlite::Error) -> bool {
    primary_code(error) == Some(SQLITE_INTERRUPT)
}

/// Whether SQLite met a lock of another process.
pub(super) fn is_locked(error: &rusqlite::Error) -> bool {
    primary_code(error) == Some(SQLITE_BUSY)
}

/// Returns the primary code of an error by which SQLite refuses a change until
/// something outside the shop is put right, such as a full disk.
pub(super) fn refusal_code(error: &rusqlite::Error) -> Option<u32> {
    primary_code(error).filter(|code| is_refusal(*code))
}

/// Returns the same of an error that came by way of sqlx.
pub(crate) fn sqlite_refusal_code(error: &sqlx::Error) -> Option<u32> {
    sqlite_code(error).filter(|code| is_refusal(*code))
}

/// Whether a primary code tells of what passes, and not of others who were
/// faster.
fn is_refusal(code: u32) -> bool {
    SQLITE_PASSING.contains(&code) && ![SQLITE_BUSY, SQLITE_LOCKED].contains(&code)
}

/// The primary code, which extended ones carry in their low byte.
fn primary_code(error: &rusqlite::Error) -> Option<u32> {
    extended_code(error).map(|code| code & 0xff)
}

fn extended_code(error: &rusqlite::Error) -> Option<u32> {
    u32::try_from(error.sqlite_error()?.extended_code).ok()
}

/// How MariaDB and MySQL begin to quote a value, which may be anybody's
/// address or card: plugins log what they are told.
const QUOTES: [&str; 2] = ["Duplicate entry '", "value: '"];

/// `message` without the value that it quotes.
pub(super) fn without_values(message: &str) -> String {
    let cut = |quote: &str| {
        let (before, rest) = message.split_once(quote)?;
        // The value may hold quotes itself; what follows it, names of columns
        // and keys, begins with one of these.
        let after = ["' for key ", "' for column ", "' for function "]
            .into_iter()
            .find_map(|after| rest.rfind(after));
        let after = after.and_then(|place| rest.get(place..)).unwrap_or("'");
        Some(format!("{before}{quote}...{after}"))
    };
    let found = QUOTES.into_iter().find_map(cut);
    found.unwrap_or_else(|| message.to_owned())
}

/// SQLite: the statement ran for longer than it was allowed to.
const SQLITE_INTERRUPT: u32 = 9;

/// SQLite: a text or blob is longer than the connection allows.
const SQLITE_TOO_BIG: u32 = 18;

/// SQLite: the authorizer refused.
const SQLITE_AUTH: u32 = 23;

/// SQLite: another process writes for too long.
const SQLITE_BUSY: u32 = 5;

/// SQLite: another connection of this process has a lock.
const SQLITE_LOCKED: u32 = 6;

/// SQLite's extended codes for the constraints CHECK, FOREIGN KEY, PRIMARY KEY,
/// UNIQUE and ROWID. <https://sqlite.org/rescode.html>
const SQLITE_CONFLICTS: [u32; 5] = [275, 787, 1555, 2067, 2579];

/// SQLite's primary codes of what passes, or is put right outside the shop:
/// BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN and PROTOCOL.
const SQLITE_PASSING: [u32; 8] = [5, 6, 7, 8, 10, 13, 14, 15];

/// Returns a MySQL server's number for `error`; none where it is not the
/// server's.
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

/// Whether a transaction may be over after this error, so that what comes next
/// would stand alone.
pub(super) fn ends_transaction(error: &sqlx::Error) -> bool {
    number(error).is_some_and(codes::ends_transaction)
}

/// Whether a statement lost against another one, and is to be tried again: one
/// that stands alone was undone.
pub(super) fn is_contention(error: &sqlx::Error) -> bool {
    meaning(error) == Some(Meaning::Contention)
}

/// Whether the server answered that it cannot do this now, rather than that
/// the statement is wrong.
pub(super) fn is_passing(error: &sqlx::Error) -> bool {
    let refuses = |number| matches!(from_number(number, String::new()), Error::Unavailable(_));
    number(error).is_some_and(refuses)
}

/// What is wrong with a MySQL server, or the way to it, when an error is not
/// about the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It is not to be reached, or broke off.
    Unreachable,
    /// It takes no changes.
    ReadOnly,
}

/// Whether `error` tells of a connection that broke, rather than that there
/// was none to be had.
pub(super) fn is_broken(error: &sqlx::Error) -> bool {
    let is_none_free = match error {
        sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Io(error) => no_connection(error).is_some(),
        _ => false,
    };
    trouble(error) == Some(Trouble::Unreachable) && !is_none_free
}

/// Whether there was no connection to be had since all that there may be are in
/// use: by this node, or by everybody whom the server lets in. Those that there
/// are work.
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

/// The trouble that `error` tells of.
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

/// SQLite's primary codes that a file may be opened in spite of, later: a path
/// that leads nowhere (CANTOPEN) is a mistake in the settings.
const SQLITE_OPEN_PASSING: [u32; 4] = [5, 6, 10, 13];

/// The primary code of SQLite that the driver gives; none of another database.
fn sqlite_code(error: &sqlx::Error) -> Option<u32> {
    let sqlx::Error::Database(error) = error else {
        return None;
    };
    error.try_downcast_ref::<sqlx::sqlite::SqliteError>()?;
    let code: u32 = error.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// Whether a connection is of no use any more after this error. One on which a
/// user with an expired password may do nothing stays so for good.
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
