//! Reasons that a plugin's tables are not up to date.

use sqlx::migrate::MigrateError as SqlxMigrateError;

use crate::sql::adopt::Obstacles;
use crate::sql::error::mysql::{is_broken, trouble};
use crate::sql::error::{is_transient, without_values};
use crate::sql::guard::migration::MigrationRefused;
use crate::sql::{Dialect, Error};

/// Reason that the tables are not up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The plugin has no migrations for the database's dialect.
    #[error(
        "migrations/{0} is missing or empty: a plugin with a database grant has migrations for each dialect"
    )]
    None(&'static str),
    /// A migration was changed after it ran, or its records cannot be read or
    /// written.
    #[error("migrations/{dialect}: {source}")]
    Failed {
        /// Dialect of the migrations.
        dialect: &'static str,
        /// Error of the migration, which names its version, or of the database.
        source: SqlxMigrateError,
    },
    /// A statement failed on a MySQL server. The statements before it stay
    /// done, and the next attempt continues with this one.
    #[error(
        "migrations/mysql/{file}: statement {statement} of {statements} (`{text}`): {}",
        without_values(&.error.to_string())
    )]
    Statement {
        /// Name of the migration's file.
        file: String,
        /// Number of the failed statement in the file, from 1.
        statement: usize,
        /// Number of statements in the file.
        statements: usize,
        /// Beginning of the statement.
        text: String,
        /// Error of the server. Not marked as a source, since that would show
        /// its text with the value that it quotes.
        error: sqlx::Error,
    },
    /// A migration does something that the grant does not allow. Nothing ran.
    #[error("migrations/{dialect}/{name}: {source}")]
    Refused {
        /// Dialect of the migration.
        dialect: &'static str,
        /// Name of the migration's file.
        name: String,
        /// Statement and part of it that is not allowed.
        source: MigrationRefused,
    },
    /// Existing tables prevent a migration from running. Nothing ran.
    #[error("migrations/mysql: {0}")]
    Obstacles(#[from] Obstacles),
    /// A migration failed on SQLite, or was changed after it ran.
    #[error("migrations/sqlite: {0}")]
    Sqlite(#[from] MigrationFailure),
    /// The state of the database could not be read.
    #[error("migrations/{dialect}: {source}")]
    Unknown {
        /// Dialect of the database.
        dialect: &'static str,
        /// Error of reading it.
        source: Error,
    },
    /// SQLite would store the column's decimals as floats.
    #[error(
        "migrations/sqlite: column {column} is declared {declared}, which SQLite stores as a float; declare it TEXT"
    )]
    InexactDecimal {
        /// The column, as `table.column`.
        column: String,
        /// Type as declared.
        declared: String,
    },
    /// The lock could not be taken.
    #[error(
        "another node has been migrating or seeding {url} for too long, or the lock failed: {reason}"
    )]
    Lock {
        /// URL of the database, without its password.
        url: String,
        /// Cause of the failure.
        reason: String,
    },
}

/// Reason that a migration did not run on a SQLite file.
#[derive(Debug, thiserror::Error)]
pub enum MigrationFailure {
    /// SQLite refuses a statement, or the record of one.
    #[error("while executing migration {version}: {reason}")]
    Statement { version: i64, reason: String },
    /// The records of earlier migrations cannot be read.
    #[error("the record of what ran: {0}")]
    Records(String),
    /// A migration was changed after it ran.
    #[error(transparent)]
    Changed(SqlxMigrateError),
}

impl MigrateError {
    /// Wraps an error of a MySQL server that is not the fault of a migration's
    /// statement.
    pub(super) fn from_mysql(source: sqlx::Error) -> Self {
        Self::Failed {
            dialect: "mysql",
            source: SqlxMigrateError::Execute(source),
        }
    }

    /// Returns whether a later attempt may succeed: the database does not
    /// answer, or another node migrates.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Lock { .. } => true,
            Self::Unknown { source, .. } => {
                matches!(source, Error::Timeout | Error::Unavailable(_))
            }
            Self::Statement { error, .. } => is_transient(error),
            Self::Failed {
                source:
                    SqlxMigrateError::Execute(source) | SqlxMigrateError::ExecuteMigration(source, _),
                ..
            } => is_transient(source),
            _ => false,
        }
    }

    /// Returns whether the lock could not be taken.
    #[must_use]
    pub fn is_lock(&self) -> bool {
        matches!(self, Self::Lock { .. })
    }

    /// Returns whether the connection to the server was lost, so that the same
    /// run may continue on a new one.
    #[must_use]
    pub fn is_broken_connection(&self) -> bool {
        let source = match self {
            Self::Statement { error, .. } => error,
            Self::Failed {
                source: SqlxMigrateError::Execute(source),
                ..
            } => source,
            _ => return false,
        };
        is_broken(source) || trouble(source).is_some()
    }
}

/// Returns the name of the folder that has the migrations of `dialect`.
pub(super) fn dialect_name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "sqlite",
        Dialect::Mysql => "mysql",
    }
}
