//! Table and statements of the embedded store. Each change is one statement, so that it is atomic
//! among all processes.
//!
//! `expires` is in milliseconds since 1970. A value exists as long as that is in the future; its
//! row may stay longer.

/// Statements that create the table and its index if they do not exist.
pub(super) const SCHEMA: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS entries (
        space TEXT NOT NULL,
        key TEXT NOT NULL,
        value BLOB NOT NULL,
        expires INTEGER NOT NULL,
        PRIMARY KEY (space, key)
    ) STRICT",
    "CREATE INDEX IF NOT EXISTS entries_by_expiry ON entries (expires)",
];

/// Parameters: space, key, now.
pub(super) const GET: &str =
    "SELECT value FROM entries WHERE space = ?1 AND key = ?2 AND expires > ?3";

/// Parameters: space, key, now.
pub(super) const EXISTS: &str =
    "SELECT 1 FROM entries WHERE space = ?1 AND key = ?2 AND expires > ?3";

/// Parameters: space, last key of the previous page, now, most keys.
pub(super) const LIST: &str = "SELECT key FROM entries
    WHERE space = ?1 AND key > ?2 AND expires > ?3 ORDER BY key LIMIT ?4";

/// Parameters: space, key, value, expiry.
pub(super) const SET: &str = "INSERT INTO entries (space, key, value, expires)
    VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (space, key) DO UPDATE SET value = ?3, expires = ?4";

/// Parameters: space, key.
pub(super) const DELETE: &str = "DELETE FROM entries WHERE space = ?1 AND key = ?2";

/// Parameters: space, key, value, expiry, now, expected value.
pub(super) const SWAP: &str = "UPDATE entries SET value = ?3, expires = ?4
    WHERE space = ?1 AND key = ?2 AND expires > ?5 AND value = ?6";

/// Parameters: space, key, value, expiry, now. For a key that is expected to have no value.
pub(super) const SWAP_NOTHING: &str = "INSERT INTO entries (space, key, value, expires)
    VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (space, key) DO UPDATE SET value = ?3, expires = ?4 WHERE expires <= ?5";

/// Parameters: space, key, number to add, expiry, now. Changes and returns nothing if the value is
/// not an integer in its shortest form, or the sum is not one of 64 bits: SQLite makes a larger one
/// a float.
pub(super) const INCREMENT: &str = "INSERT INTO entries (space, key, value, expires)
    VALUES (?1, ?2, CAST(CAST(?3 AS TEXT) AS BLOB), ?4)
    ON CONFLICT (space, key) DO UPDATE SET
        value = CASE WHEN expires <= ?5 THEN excluded.value
            ELSE CAST(CAST(CAST(CAST(value AS TEXT) AS INTEGER) + ?3 AS TEXT) AS BLOB) END,
        expires = ?4
    WHERE expires <= ?5
        OR CAST(CAST(CAST(value AS TEXT) AS INTEGER) AS TEXT) = CAST(value AS TEXT)
        AND typeof(CAST(CAST(value AS TEXT) AS INTEGER) + ?3) = 'integer'
    RETURNING CAST(CAST(value AS TEXT) AS INTEGER)";

/// Parameters: now, most rows.
pub(super) const PURGE: &str = "DELETE FROM entries WHERE rowid IN
    (SELECT rowid FROM entries WHERE expires <= ?1 LIMIT ?2)";
