//! The tables of a plugin's grant.

use std::borrow::Cow;
use std::collections::HashSet;

use super::tables::Tables;
use crate::sql::Dialect as SqlDialect;

/// The tables that a plugin may use: names of lower-case ASCII letters, digits
/// and underscores.
#[derive(Debug, Clone, Default)]
pub struct TableGrant {
    /// Tables to select from.
    pub read: HashSet<String>,
    /// Tables to change, and to select from.
    pub write: HashSet<String>,
}

impl TableGrant {
    /// Whether the rows of the table of this name may be read.
    #[must_use]
    pub fn may_read(&self, table: &str) -> bool {
        self.read.contains(table) || self.write.contains(table)
    }

    /// Whether the rows of the table of this name may be changed.
    #[must_use]
    pub fn may_write(&self, table: &str) -> bool {
        self.write.contains(table)
    }

    /// Checks what a statement uses against the grant.
    ///
    /// # Errors
    /// Names the table that is missing.
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

/// The name of a table as a grant has it. SQLite takes `Orders` for `orders`;
/// to MySQL on Linux those are two tables, of which the second is granted.
pub(super) fn folded(table: &str, dialect: SqlDialect) -> Cow<'_, str> {
    match dialect {
        SqlDialect::Sqlite => table.to_ascii_lowercase().into(),
        SqlDialect::Mysql => table.into(),
    }
}
