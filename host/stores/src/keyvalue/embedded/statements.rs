//! The embedded store's table, and what is done with it. Each change is one
//! statement, so that nobody else's can come between, in this process or
//! another.
//!
//! `expires` is in milliseconds since 1970. A value is there as long as that is
//! in the future; its row may stay longer.

/// The table, made where it is absent.
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

/// Space, key, now.
pub(super) const GET: &str =
    "SELECT value FROM entries WHERE space = ?1 AND key = ?2 AND expires > ?3";

/// Space, key, now.
pub(super) const EXISTS: &str =
    "SELECT 1 FROM entries WHERE space = ?1 AND key = ?2 AND expires > ?3";

/// Space, last key before, now, most keys.
pub(super) const LIST: &str = "SELECT key FROM entries
    WHERE space = ?1 AND key > ?2 AND expires > ?3 ORDER BY key LIMIT ?4";

/// Space, key, value, expiry.
pub(super) const SET: &str = "INSERT INTO entries (space, key, value, expires)
    VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (space, key) DO UPDATE SET value = ?3, expires = ?4";

/// Space, key.
pub(super) const DELETE: &str = "DELETE FROM entries WHERE space = ?1 AND key = ?2";

/// Space, key, value, expiry, now, expected value.
pub(super) const SWAP: &str = "UPDATE entries SET value = ?3, expires = ?4
    WHERE space = ?1 AND key = ?2 AND expires > ?5 AND value = ?6";

/// Space, key, value, expiry, now: where no value is expected.
pub(super) const SWAP_NOTHING: &str = "INSERT INTO entries (space, key, value, expires)
    VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (space, key) DO UPDATE SET value = ?3, expires = ?4 WHERE expires <= ?5";

/// Space, key, number to add, expiry, now. Changes nothing, and returns
/// nothing, unless the value is the shortest way to write a whole number and
/// the sum is one as well: SQLite makes a sum of more than 64 bits a float.
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

/// Now, most rows.
pub(super) const PURGE: &str = "DELETE FROM entries WHERE rowid IN
    (SELECT rowid FROM entries WHERE expires <= ?1 LIMIT ?2)";
