//! How a database fails, in the words of `edge:platform/sql`.

use sqlx::error::{DatabaseError, ErrorKind};
use url::Url;

use super::pool::is_no_connection;
use crate::bindings::sql::Error;

/// A database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is malformed.
    #[error("database {url} has a malformed URL: {source}")]
    Url {
        /// The URL, without its password.
        url: String,
        /// What is wrong with it.
        source: sqlx::Error,
    },
    /// It does not answer, or refuses us.
    #[error("database {url} cannot be opened: {source}")]
    Connect {
        /// The URL, without its password.
        url: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
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
        matches!(self, Self::Connect { .. })
    }
}

/// Whether `error` tells of a database that does not answer, or whose disk
/// fails, rather than of what it was asked.
pub(in crate::stores) fn is_transient(error: &sqlx::Error) -> bool {
    let is_disk = match error {
        sqlx::Error::Database(error) => match code_of(&**error) {
            Code::Sqlite(code) => SQLITE_OPEN_PASSING.contains(&code),
            Code::MySql(_) | Code::None => false,
        },
        _ => false,
    };
    is_disk || trouble(error) == Some(Trouble::Unreachable)
}

/// `url` without its password, for messages.
#[must_use]
pub fn public_url(url: &str) -> String {
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
        sqlx::Error::Database(error) => from_database(&*error),
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Error::Unavailable(error.to_string()),
        other => Error::Invalid(other.to_string()),
    }
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

/// The primary code, which extended ones carry in their low byte.
fn primary_code(error: &rusqlite::Error) -> Option<u32> {
    extended_code(error).map(|code| code & 0xff)
}

fn extended_code(error: &rusqlite::Error) -> Option<u32> {
    u32::try_from(error.sqlite_error()?.extended_code).ok()
}

fn from_database(error: &dyn DatabaseError) -> Error {
    let message = without_values(error.message());
    match error.kind() {
        ErrorKind::UniqueViolation
        | ErrorKind::ForeignKeyViolation
        | ErrorKind::NotNullViolation
        | ErrorKind::CheckViolation => Error::Conflict(message),
        _ if is_timeout(error) => Error::Timeout,
        _ if is_passing(error) => Error::Unavailable(message),
        _ => Error::Invalid(message),
    }
}

/// How MariaDB and MySQL begin to quote a value, which may be anybody's
/// address or card: plugins log what they are told.
const QUOTES: [&str; 2] = ["Duplicate entry '", "value: '"];

/// `message` without the value that it quotes.
fn without_values(message: &str) -> String {
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

/// MariaDB and MySQL: the statement ran for longer than it was allowed to.
const MYSQL_TIMEOUTS: [u16; 2] = [1969, 3024];

/// SQLite: the same.
const SQLITE_INTERRUPT: u32 = 9;

/// SQLite: a text or blob is longer than the connection allows.
const SQLITE_TOO_BIG: u32 = 18;

/// SQLite: the authorizer refused.
const SQLITE_AUTH: u32 = 23;

/// SQLite's extended codes for the constraints CHECK, FOREIGN KEY, NOT NULL,
/// PRIMARY KEY, UNIQUE and ROWID. <https://sqlite.org/rescode.html>
const SQLITE_CONFLICTS: [u32; 6] = [275, 787, 1299, 1555, 2067, 2579];

/// MySQL: lock wait, and deadlock. A statement that stands alone was undone.
const MYSQL_CONTENTION: [u16; 2] = [1205, 1213];

/// MySQL: errors after which the server has, or may have, undone the whole
/// transaction: it lost against another, or has no room for its locks.
const MYSQL_UNDONE: [u16; 4] = [1020, 1205, 1206, 1213];

/// Whether a transaction may be over after this error, so that what comes next
/// would stand alone.
pub(super) fn ends_transaction(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else {
        return false;
    };
    matches!(code_of(&**error), Code::MySql(number) if MYSQL_UNDONE.contains(&number))
}

/// SQLite: another process writes for too long.
const SQLITE_BUSY: u32 = 5;

/// Whether a statement lost against another one, and is to be tried again.
pub(super) fn is_contention(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else {
        return false;
    };
    match code_of(&**error) {
        Code::MySql(number) => MYSQL_CONTENTION.contains(&number),
        Code::Sqlite(_) | Code::None => false,
    }
}

fn is_timeout(error: &dyn DatabaseError) -> bool {
    match code_of(error) {
        Code::MySql(number) => MYSQL_TIMEOUTS.contains(&number),
        Code::Sqlite(code) => code == SQLITE_INTERRUPT,
        Code::None => false,
    }
}

/// A database's own number for an error.
enum Code {
    MySql(u16),
    /// The primary code, which extended ones carry in their low byte.
    Sqlite(u32),
    None,
}

fn code_of(error: &dyn DatabaseError) -> Code {
    if let Some(mysql) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return Code::MySql(mysql.number());
    }
    let code = error.code().and_then(|code| code.parse::<u32>().ok());
    code.map_or(Code::None, |code| Code::Sqlite(code & 0xff))
}

/// MySQL: too many connections.
const MYSQL_FULL: u16 = 1040;

/// MySQL: the same, a cluster's node that is not ready, server shutdown,
/// connection killed, gone away, lost.
const MYSQL_UNREACHABLE: [u16; 6] = [MYSQL_FULL, 1047, 1053, 1927, 2006, 2013];

/// MySQL: the server runs with `read_only`, its tables take no changes, or
/// transactions do not. After a fail-over, it follows another server now.
const MYSQL_READ_ONLY: [u16; 3] = [1290, 1792, 1836];

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
        sqlx::Error::Io(error) => is_no_connection(error),
        sqlx::Error::Database(error) => matches!(code_of(&**error), Code::MySql(MYSQL_FULL)),
        _ => false,
    };
    trouble(error) == Some(Trouble::Unreachable) && !is_none_free
}

/// The trouble that `error` tells of.
pub(super) fn trouble(error: &sqlx::Error) -> Option<Trouble> {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::WorkerCrashed => Some(Trouble::Unreachable),
        sqlx::Error::Database(error) => match code_of(&**error) {
            Code::MySql(number) if MYSQL_UNREACHABLE.contains(&number) => {
                Some(Trouble::Unreachable)
            }
            Code::MySql(number) if MYSQL_READ_ONLY.contains(&number) => Some(Trouble::ReadOnly),
            _ => None,
        },
        _ => None,
    }
}

/// SQLite's primary codes BUSY, LOCKED, READONLY, I/O error, FULL, and
/// CANTOPEN: another process is in the way, or the disk fails, is full, or was
/// made read-only.
const SQLITE_PASSING: [u32; 6] = [5, 6, 8, 10, 13, 14];

/// Those that a file may be opened in spite of, later: a path that leads
/// nowhere (CANTOPEN) is a mistake in the settings.
const SQLITE_OPEN_PASSING: [u32; 4] = [5, 6, 10, 13];

/// Whether the same statement may well succeed later.
fn is_passing(error: &dyn DatabaseError) -> bool {
    match code_of(error) {
        Code::MySql(number) => {
            MYSQL_UNREACHABLE.contains(&number)
                || MYSQL_READ_ONLY.contains(&number)
                || MYSQL_CONTENTION.contains(&number)
        }
        Code::Sqlite(code) => SQLITE_PASSING.contains(&code),
        Code::None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            public_url("mysql://shop:hunter2@db:3306/shop?ssl-mode=x"),
            "mysql://shop:***@db:3306/shop"
        );
        assert_eq!(public_url("mysql://db/shop"), "mysql://db/shop");
        assert!(!public_url("mysql://u:hunter2@[bad").contains("hunter2"));
    }
}
