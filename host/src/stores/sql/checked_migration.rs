//! A migration whose statements were checked, and what sqlx's migrator knows of
//! it.

use std::borrow::Cow;

use sqlx::migrate::{Migration as SqlxMigration, MigrationType};
use sqlx::{AssertSqlSafe, SqlSafeStr};

use super::guard::TableGrant;
use super::guard::migration::{MigrationRefused, checked_statements};
use super::migrations::{Migration, split};
use crate::bindings::sql::Dialect;

/// What a migration begins with that must not run in a transaction; sqlx's
/// rule. SQLite's always do.
const WITHOUT_TRANSACTION: &str = "-- no-transaction";

/// Begins a comment that names the SHA-384 checksum of an earlier text of the
/// same migration, in hexadecimal. A database where that text ran is up to
/// date.
const SUPERSEDES: &str = "-- supersedes:";

/// A migration whose statements the grant allows.
#[derive(Debug, Clone)]
pub(super) struct CheckedMigration {
    /// The checksum is that of the text of the file; what runs is its
    /// statements.
    migration: SqlxMigration,
    superseded: Vec<Vec<u8>>,
    statements: Vec<String>,
}

impl Migration {
    /// Checks each statement against the grant. `None` for a file whose name
    /// is no migration's.
    ///
    /// # Errors
    /// Names the statement that is not allowed.
    pub(super) fn checked(
        &self,
        grant: &TableGrant,
        dialect: Dialect,
    ) -> Result<Option<CheckedMigration>, MigrationRefused> {
        let Some((version, name)) = split(&self.name) else {
            return Ok(None);
        };
        let statements = checked_statements(&self.sql, grant, dialect)?;
        let mut migration = SqlxMigration::new(
            version,
            name.replace('_', " ").into(),
            MigrationType::Simple,
            AssertSqlSafe(self.sql.clone()).into_sql_str(),
            self.sql.starts_with(WITHOUT_TRANSACTION),
        );
        migration.sql = AssertSqlSafe(statements.join(";\n")).into_sql_str();
        Ok(Some(CheckedMigration {
            migration,
            superseded: superseded(&self.sql),
            statements,
        }))
    }
}

/// The checksums that the comments of a migration say it supersedes.
fn superseded(text: &str) -> Vec<Vec<u8>> {
    let lines = text
        .lines()
        .filter_map(|line| line.strip_prefix(SUPERSEDES));
    lines
        .filter_map(|sum| hex::decode(sum.trim()).ok())
        .collect()
}

impl CheckedMigration {
    /// Its number, which orders it.
    pub(super) fn version(&self) -> i64 {
        self.migration.version
    }

    /// Its name in words.
    pub(super) fn description(&self) -> &str {
        &self.migration.description
    }

    /// The SHA-384 checksum of its file.
    pub(super) fn checksum(&self) -> &[u8] {
        &self.migration.checksum
    }

    /// The statements that run, in order.
    pub(super) fn statements(&self) -> &[String] {
        &self.statements
    }

    /// Whether the migration ran where one of this checksum did.
    pub(super) fn is(&self, recorded: &[u8]) -> bool {
        self.checksum() == recorded || self.superseded.iter().any(|sum| sum == recorded)
    }

    /// Returns the migration for sqlx's migrator, which compares checksums: one
    /// that a superseded text has run as goes by the checksum of that text.
    pub(super) fn into_sqlx(self, recorded: Option<&[u8]>) -> SqlxMigration {
        let mut migration = self.migration;
        if let Some(recorded) = recorded.filter(|sum| self.superseded.iter().any(|it| it == sum)) {
            migration.checksum = Cow::Owned(recorded.to_owned());
        }
        migration
    }
}
