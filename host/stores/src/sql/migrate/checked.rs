//! Migrations whose statements have passed the guard.

use bundle::{Migration, split_name};
use sha2::{Digest, Sha384};

use crate::sql::Dialect;
use crate::sql::guard::TableGrant;
use crate::sql::guard::migration::{MigrationRefused, checked_statements};

/// Prefix of a comment that names the SHA-384 checksum, in hexadecimal, of an
/// earlier text of the same migration. A database where that text ran is up to
/// date.
const SUPERSEDES: &str = "-- supersedes:";

/// A migration whose statements the grant allows.
#[derive(Debug, Clone)]
pub(super) struct CheckedMigration {
    version: i64,
    description: String,
    file: String,
    /// SHA-384 checksum of the file's text, as sqlx's migrator computes it,
    /// which wrote the records of older hosts.
    checksum: Vec<u8>,
    superseded: Vec<Vec<u8>>,
    statements: Vec<String>,
}

/// Returns the checksums that the comments of a migration say it supersedes.
fn superseded(text: &str) -> Vec<Vec<u8>> {
    let lines = text
        .lines()
        .filter_map(|line| line.strip_prefix(SUPERSEDES));
    lines
        .filter_map(|sum| hex::decode(sum.trim()).ok())
        .collect()
}

impl CheckedMigration {
    /// Checks each statement of `migration` against the grant. Returns `None`
    /// for a file whose name is not that of a migration.
    ///
    /// # Errors
    /// Names the statement that is not allowed.
    pub(super) fn check(
        migration: &Migration,
        grant: &TableGrant,
        dialect: Dialect,
    ) -> Result<Option<Self>, MigrationRefused> {
        let Some((version, name)) = split_name(&migration.name) else {
            return Ok(None);
        };
        let statements = checked_statements(&migration.sql, grant, dialect)?;
        Ok(Some(Self {
            version,
            description: name.replace('_', " "),
            file: migration.name.clone(),
            checksum: Sha384::digest(&migration.sql).to_vec(),
            superseded: superseded(&migration.sql),
            statements,
        }))
    }

    /// Returns the version number, which orders migrations.
    pub(super) fn version(&self) -> i64 {
        self.version
    }

    /// Returns the name of the file without its version, in words.
    pub(super) fn description(&self) -> &str {
        &self.description
    }

    /// Returns the name of the migration's file.
    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// Returns the SHA-384 checksum of the file.
    pub(super) fn checksum(&self) -> &[u8] {
        &self.checksum
    }

    /// Returns the statements to run, in order.
    pub(super) fn statements(&self) -> &[String] {
        &self.statements
    }

    /// Returns whether a record with this checksum is of this migration or of a
    /// text that it supersedes.
    pub(super) fn is(&self, recorded: &[u8]) -> bool {
        self.checksum() == recorded || self.superseded.iter().any(|sum| sum == recorded)
    }
}
