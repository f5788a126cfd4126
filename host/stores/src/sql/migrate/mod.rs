//! Migrates a plugin's tables: pending migrations ([`plan`]), the lock that
//! lets one node at a time run them ([`lock`]), and progress reports
//! ([`progress`]).

mod lock;
mod mysql;
mod plan;
mod progress;

use bundle::Migrations;
use sqlx::Connection;
use sqlx::migrate::MigrateError as SqlxMigrateError;

use super::access::{Database, DatabaseAccess};
use super::adopt::{self, AdoptionReport, Finding, Obstacles};
use super::checked_migration::CheckedMigration;
use super::error::{is_broken, is_transient, trouble, without_values};
use super::guard::migration::MigrationRefused;
use super::sqlite::MigrationFailure;
use crate::sql::{Dialect, Error};

pub use lock::{MigrationLock, SchemaLock};
pub use plan::{MigrationPlan, PlannedStatement};
pub(super) use plan::{Pending, Record};
pub use progress::{MigrationProgress, ProgressSender};

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

impl MigrateError {
    /// Wraps an error of a MySQL server that is not the fault of a migration's
    /// statement.
    pub(super) fn of_mysql(source: sqlx::Error) -> Self {
        mysql::failed(source)
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

impl DatabaseAccess {
    /// Returns the plugin's migrations that have not run to their end in this
    /// database. Every statement of every migration of the release is first
    /// checked and compared with the existing tables, so that a refusal comes
    /// before anything runs.
    ///
    /// # Errors
    /// Names the migration that is refused or was changed after it ran, or the
    /// obstacles in the existing tables.
    pub async fn plan_migrations(
        &self,
        plugin: &str,
        migrations: &Migrations,
    ) -> Result<MigrationPlan, MigrateError> {
        let (plan, report) = self.compare_migrations(plugin, migrations).await?;
        let obstacles: Vec<_> = report.obstacles().cloned().collect();
        match obstacles.is_empty() {
            true => Ok(plan),
            false => Err(Obstacles(obstacles).into()),
        }
    }

    /// Compares the plugin's pending migrations with the existing tables,
    /// without changing anything. For a SQLite file, there is nothing to
    /// compare.
    ///
    /// # Errors
    /// Names the migration that is refused, or was changed after it ran.
    pub async fn check_adoption(
        &self,
        plugin: &str,
        migrations: &Migrations,
    ) -> Result<AdoptionReport, MigrateError> {
        let (_, report) = self.compare_migrations(plugin, migrations).await?;
        Ok(report)
    }

    async fn compare_migrations(
        &self,
        plugin: &str,
        migrations: &Migrations,
    ) -> Result<(MigrationPlan, AdoptionReport), MigrateError> {
        let Some(checked) = self.all_checked(migrations)? else {
            return Ok(Default::default());
        };
        self.refuse_inexact_decimals().await?;
        let table = migrations_table(plugin);
        let database = match &self.database {
            Database::Sqlite(sqlite) => {
                let records = sqlite.migration_records(&table).await?;
                let plan = MigrationPlan::new(checked, &records, Dialect::Sqlite)?;
                let report = AdoptionReport {
                    is_new: records.is_empty(),
                    statements: plan.statements(),
                    ..AdoptionReport::default()
                };
                return Ok((plan, report));
            }
            Database::MySql(database) => database,
        };
        let mut connection = database.unbounded().await.map_err(mysql::failed)?;
        let records = mysql::records(&mut connection, &table).await?;
        let plan = MigrationPlan::new(checked.clone(), &records, Dialect::Mysql)?;
        let lacking = self.lacking(&mut connection, &checked, &records, (&plan, &table));
        let lacking = lacking.await.map_err(mysql::failed)?;
        if plan.is_empty() || !lacking.is_empty() {
            connection.close().await.map_err(mysql::failed)?;
            let listed = plan.listed();
            let report = AdoptionReport {
                statements: listed.iter().filter(|it| !it.is_done).count(),
                findings: lacking,
                ..AdoptionReport::default()
            };
            return Ok((plan, report));
        }
        let listed = plan.listed();
        let pending = listed.iter().filter(|statement| !statement.is_done);
        let compared = adopt::Plan {
            grant: self.grant(),
            all: checked
                .iter()
                .flat_map(CheckedMigration::statements)
                .map(String::as_str)
                .collect(),
            pending: pending.map(|statement| statement.text.as_str()).collect(),
            is_new: mysql::is_new(&records),
            kept: match records.is_empty() {
                true => None,
                false => mysql::kept(&mut connection, &table).await?,
            },
        };
        let report = adopt::check(&mut connection, database.server, &compared).await;
        let report = report.map_err(mysql::failed)?;
        connection.close().await.map_err(mysql::failed)?;
        Ok((plan, report))
    }

    /// Returns tables and columns that are missing although migrations which
    /// have run created them. Returns none if the records name a newer
    /// release's migrations, which may have dropped them.
    async fn lacking(
        &self,
        connection: &mut sqlx::MySqlConnection,
        checked: &[CheckedMigration],
        records: &[Record],
        (plan, table): (&MigrationPlan, &str),
    ) -> sqlx::Result<Vec<Finding>> {
        let is_known = |record: &Record| {
            record.version < 0 || checked.iter().any(|it| it.version() == record.version)
        };
        if !records.iter().all(is_known) {
            return Ok(Vec::new());
        }
        let is_pending = |migration: &CheckedMigration| {
            let mut pending = plan.pending.iter();
            pending.any(|it| it.migration.version() == migration.version())
        };
        let done = checked.iter().filter(|it| !is_pending(it));
        let statements = done.flat_map(CheckedMigration::statements);
        adopt::lacking(connection, statements.map(String::as_str), table).await
    }

    /// Runs the plugin's pending migrations, in order, and records them in the
    /// table `edge_migrations_<plugin>`. The table may have more records than a
    /// release has migrations, after a newer release has run.
    ///
    /// # Errors
    /// Names the statement that failed. On MySQL, which cannot roll DDL back,
    /// the statements before it stay done, and the next run continues with the
    /// failed one; on SQLite the whole migration is rolled back.
    pub async fn migrate(
        &self,
        plugin: &str,
        migrations: &Migrations,
        lock: &mut MigrationLock,
        progress: &ProgressSender,
    ) -> Result<(), MigrateError> {
        let Some(checked) = self.all_checked(migrations)? else {
            return Ok(());
        };
        let table = migrations_table(plugin);
        match &self.database {
            Database::Sqlite(sqlite) => {
                let records = sqlite.migration_records(&table).await?;
                let plan = MigrationPlan::new(checked, &records, Dialect::Sqlite)?;
                progress.set_total(plan.statements());
                Ok(sqlite.migrate(&table, plan.pending, progress).await?)
            }
            Database::MySql(database) => {
                let connection = lock.connection()?;
                let records = mysql::records(connection, &table).await?;
                let is_new = mysql::is_new(&records);
                let statements = checked.iter().flat_map(CheckedMigration::statements);
                let known = adopt::Known::read(statements.map(String::as_str));
                let plan = MigrationPlan::new(checked, &records, Dialect::Mysql)?;
                progress.set_total(plan.statements());
                let place = mysql::Place {
                    records: &table,
                    server: database.server,
                    grant: self.grant(),
                    is_new,
                    known,
                };
                mysql::run(connection, &place, plan.pending, progress).await
            }
        }
    }

    /// Checks all migrations for this database against the grant, including
    /// those that have run, since nothing later checks a release again. Returns
    /// `None` if the plugin has no migrations and needs none.
    fn all_checked(
        &self,
        migrations: &Migrations,
    ) -> Result<Option<Vec<CheckedMigration>>, MigrateError> {
        let dialect = self.dialect();
        let mut checked = Vec::new();
        for migration in migrations.of(dialect) {
            let allowed = CheckedMigration::check(migration, self.grant(), dialect);
            let allowed = allowed.map_err(|source| MigrateError::Refused {
                dialect: dialect_name(dialect),
                name: migration.name.clone(),
                source,
            })?;
            checked.extend(allowed);
        }
        checked.sort_by_key(CheckedMigration::version);
        match checked.is_empty() {
            false => Ok(Some(checked)),
            // A plugin that may only read creates no tables.
            true if self.grant().write.is_empty() => Ok(None),
            true => Err(MigrateError::None(dialect_name(dialect))),
        }
    }

    /// Refuses DECIMAL columns in SQLite, where they have NUMERIC affinity: a
    /// value becomes a float, and would be returned without its scale.
    async fn refuse_inexact_decimals(&self) -> Result<(), MigrateError> {
        let Database::Sqlite(sqlite) = &self.database else {
            return Ok(());
        };
        match sqlite.inexact_decimal().await {
            Ok(None) => Ok(()),
            Ok(Some((column, declared))) => Err(MigrateError::InexactDecimal { column, declared }),
            Err(source) => Err(MigrateError::Unknown {
                dialect: "sqlite",
                source,
            }),
        }
    }
}

fn dialect_name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "sqlite",
        Dialect::Mysql => "mysql",
    }
}

/// Returns the name of the table that records which migrations of `plugin` ran.
#[must_use]
pub fn migrations_table(plugin: &str) -> String {
    format!("edge_migrations_{}", plugin.replace('-', "_"))
}
