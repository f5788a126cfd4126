//! Classifies errors of SQLite, as rusqlite and sqlx return them.

use crate::sql::Error;

/// SQLite: the statement was interrupted, since it ran past its deadline or was
/// abandoned.
const INTERRUPT: u32 = 9;

/// SQLite: a text or blob is longer than the connection's limit.
const TOO_BIG: u32 = 18;

/// SQLite: the authorizer refused the statement.
const AUTH: u32 = 23;

/// SQLite: another process held the lock for too long.
const BUSY: u32 = 5;

/// SQLite: another connection of this process holds a lock.
const LOCKED: u32 = 6;

/// SQLite's extended codes for the constraints CHECK, FOREIGN KEY, PRIMARY KEY,
/// UNIQUE and ROWID. See <https://sqlite.org/rescode.html>.
const CONFLICTS: [u32; 5] = [275, 787, 1555, 2067, 2579];

/// SQLite's primary codes for failures that are temporary or can be corrected
/// outside the platform: BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN
/// and PROTOCOL.
const PASSING: [u32; 8] = [5, 6, 7, 8, 10, 13, 14, 15];

/// SQLite's primary codes after which opening a file may succeed later.
/// CANTOPEN is not among them: a path that does not exist is a mistake in the
/// settings.
const OPEN_PASSING: [u32; 4] = [5, 6, 10, 13];

/// Converts an error of rusqlite to one for the plugin.
pub(in crate::sql) fn from_rusqlite(error: rusqlite::Error) -> Error {
    let code = extended_code(&error);
    let message = match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message,
        other => other.to_string(),
    };
    let Some(code) = code else {
        return Error::Invalid(message);
    };
    match code & 0xff {
        _ if CONFLICTS.contains(&code) => Error::Conflict(message),
        INTERRUPT => Error::Timeout,
        AUTH => Error::Denied(message),
        TOO_BIG => Error::TooLarge(message),
        primary if PASSING.contains(&primary) => Error::Unavailable(message),
        _ => Error::Invalid(message),
    }
}

/// Returns whether SQLite was told to end the statement.
pub(in crate::sql) fn is_interrupted(error: &rusqlite::Error) -> bool {
    primary_code(error) == Some(INTERRUPT)
}

/// Returns whether SQLite met a lock of another process.
pub(in crate::sql) fn is_locked(error: &rusqlite::Error) -> bool {
    primary_code(error) == Some(BUSY)
}

/// Returns the primary code of an error with which SQLite refuses changes until
/// something outside the platform is corrected, such as a full disk.
pub(in crate::sql) fn refusal_code(error: &rusqlite::Error) -> Option<u32> {
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
    PASSING.contains(&code) && ![BUSY, LOCKED].contains(&code)
}

/// Returns the primary code, which extended codes carry in their low byte.
fn primary_code(error: &rusqlite::Error) -> Option<u32> {
    extended_code(error).map(|code| code & 0xff)
}

fn extended_code(error: &rusqlite::Error) -> Option<u32> {
    u32::try_from(error.sqlite_error()?.extended_code).ok()
}

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

/// Returns whether opening a file may succeed after this error of rusqlite.
pub(super) fn may_open_later(error: &rusqlite::Error) -> bool {
    primary_code(error).is_some_and(|code| OPEN_PASSING.contains(&code))
}

/// Returns whether opening a file may succeed after this error of sqlx.
pub(super) fn may_open_later_by_sqlx(error: &sqlx::Error) -> bool {
    sqlite_code(error).is_some_and(|code| OPEN_PASSING.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
