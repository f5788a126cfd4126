//! A migration whose statements were checked.

use bundle::{Migration, split_name};
use sha2::{Digest, Sha384};

use super::guard::TableGrant;
use super::guard::migration::{MigrationRefused, checked_statements};
use crate::sql::Dialect;

/// Begins a comment that names the SHA-384 checksum of an earlier text of the
/// same migration, in hexadecimal. A database where that text ran is up to
/// date.
const SUPERSEDES: &str = "-- supersedes:";

/// A migration whose statements the grant allows.
#[derive(Debug, Clone)]
pub(super) struct CheckedMigration {
    version: i64,
    description: String,
    file: String,
    /// That of the text of the file, as sqlx's migrator has it, which wrote the
    /// records of older hosts.
    checksum: Vec<u8>,
    superseded: Vec<Vec<u8>>,
    statements: Vec<String>,
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
    /// Checks each statement of `migration` against the grant. `None` for a
    /// file whose name is no migration's.
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

    /// Returns the number that orders migrations.
    pub(super) fn version(&self) -> i64 {
        self.version
    }

    /// Returns the name in words.
    pub(super) fn description(&self) -> &str {
        &self.description
    }

    /// Returns the name of the file.
    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// Returns the SHA-384 checksum of the file.
    pub(super) fn checksum(&self) -> &[u8] {
        &self.checksum
    }

    /// The statements that run, in order.
    pub(super) fn statements(&self) -> &[String] {
        &self.statements
    }

    /// Whether the migration ran where one of this checksum did.
    pub(super) fn is(&self, recorded: &[u8]) -> bool {
        self.checksum() == recorded || self.superseded.iter().any(|sum| sum == recorded)
    }
}
