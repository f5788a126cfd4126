//! Table grants: which tables of a database a plugin may read and change.

use std::borrow::Cow;
use std::collections::HashSet;

use super::tables::Tables;
use crate::sql::Dialect as SqlDialect;

/// The tables that a plugin may use. Names consist of lower-case ASCII letters,
/// digits and underscores.
#[derive(Debug, Clone, Default)]
pub struct TableGrant {
    /// Tables that may be read.
    pub read: HashSet<String>,
    /// Tables that may be changed and read.
    pub write: HashSet<String>,
}

impl TableGrant {
    /// Returns whether the rows of `table` may be read.
    #[must_use]
    pub fn may_read(&self, table: &str) -> bool {
        self.read.contains(table) || self.write.contains(table)
    }

    /// Returns whether the rows of `table` may be changed.
    #[must_use]
    pub fn may_write(&self, table: &str) -> bool {
        self.write.contains(table)
    }

    /// Checks the tables that a statement uses against the grant.
    ///
    /// # Errors
    /// Names the table that is not granted.
    pub(super) fn permit(&self, used: &Tables, dialect: SqlDialect) -> Result<(), String> {
        for table in &used.changed {
            if !self.may_write(&folded(table, dialect)) {
                return Err(format!(
                    "the manifest does not grant changing the table `{table}`"
                ));
            }
        }
        for table in &used.read {
            let folded = folded(table, dialect);
            if !self.may_read(&folded) {
                return Err(format!(
                    "the manifest does not grant reading the table `{table}`"
                ));
            }
            if used.locks && !self.may_write(&folded) {
                return Err(format!(
                    "the manifest does not grant changing the table `{table}`, and so no lock on its rows"
                ));
            }
        }
        Ok(())
    }
}

/// Returns the name of a table in the spelling of a grant. SQLite treats
/// `Orders` and `orders` as one table; to MySQL on Linux they are two, of which
/// the grant names the second.
pub(in crate::sql) fn folded(table: &str, dialect: SqlDialect) -> Cow<'_, str> {
    match dialect {
        SqlDialect::Sqlite => table.to_ascii_lowercase().into(),
        SqlDialect::Mysql => table.into(),
    }
}
