//! Bringing a plugin's tables up to date: what is pending ([`plan`]), the lock
//! that lets one node at a time do it ([`lock`]), and how far it is
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

/// Why the tables are not up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// There are none for the database's dialect.
    #[error(
        "migrations/{0} is missing or empty: a plugin with a database grant has migrations for each dialect"
    )]
    None(&'static str),
    /// A migration was changed after it ran, or its records cannot be read or
    /// written.
    #[error("migrations/{dialect}: {source}")]
    Failed {
        /// The dialect that they are for.
        dialect: &'static str,
        /// What went wrong; names the migration.
        source: SqlxMigrateError,
    },
    /// A statement failed on a MySQL server. Those before it stay done, and the
    /// next attempt goes on with it.
    #[error(
        "migrations/mysql/{file}: statement {statement} of {statements} (`{text}`): {}",
        without_values(&.error.to_string())
    )]
    Statement {
        /// The file of the migration.
        file: String,
        /// Counts the file's statements, from 1.
        statement: usize,
        /// How many statements the file has.
        statements: usize,
        /// The beginning of the statement.
        text: String,
        /// What the server says. Not a source, whose text would be shown with
        /// the value that it quotes.
        error: sqlx::Error,
    },
    /// A migration does what the grant does not allow. Nothing ran.
    #[error("migrations/{dialect}/{name}: {source}")]
    Refused {
        /// The dialect that it is for.
        dialect: &'static str,
        /// The name of its file.
        name: String,
        /// What is not allowed.
        source: MigrationRefused,
    },
    /// Tables that are there are in the way. Nothing ran.
    #[error("migrations/mysql: {0}")]
    Obstacles(#[from] Obstacles),
    /// SQLite's migration failed, or was changed after it ran.
    #[error("migrations/sqlite: {0}")]
    Sqlite(#[from] MigrationFailure),
    /// The database does not say what it has become.
    #[error("migrations/{dialect}: {source}")]
    Unknown {
        /// The dialect of the database.
        dialect: &'static str,
        /// Why not.
        source: Error,
    },
    /// SQLite would store the column's decimals as floats.
    #[error(
        "migrations/sqlite: column {column} is declared {declared}, which SQLite stores as a float; declare it TEXT"
    )]
    InexactDecimal {
        /// `table.column`
        column: String,
        /// The declared type.
        declared: String,
    },
    /// The lock could not be taken.
    #[error(
        "another node has been migrating or seeding {url} for too long, or the lock failed: {reason}"
    )]
    Lock {
        /// The database, without its password.
        url: String,
        /// What happened.
        reason: String,
    },
}

impl MigrateError {
    /// A server's error that no statement of a migration is to blame for.
    pub(super) fn of_mysql(source: sqlx::Error) -> Self {
        mysql::failed(source)
    }

    /// Whether the same attempt may well succeed later: the database does not
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

    /// Whether the lock could not be had.
    #[must_use]
    pub fn is_lock(&self) -> bool {
        matches!(self, Self::Lock { .. })
    }

    /// Whether the connection to the server was lost, so that the same run may
    /// well go on with a new one.
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
    /// Returns the plugin's migrations that have not run to their end here.
    /// Every statement of every migration of the release is checked first, and
    /// compared with the tables that are there, so what is refused is refused
    /// before anything runs.
    ///
    /// # Errors
    /// Names the migration that is refused, or was changed after it ran; or
    /// what is in its way.
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

    /// Compares the plugin's pending migrations with the tables that are there.
    /// Nothing is changed, and a file of SQLite's has nothing to compare.
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

    /// Returns what the tables lack that migrations made which have run; nothing
    /// where a newer release was here, which may have taken it away.
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

    /// Runs those of the plugin's migrations that have not run here yet, in
    /// order. What ran is recorded in the table `edge_migrations_<plugin>`;
    /// that may be more than a release knows, after a newer one was here.
    ///
    /// # Errors
    /// Names the statement that failed. On MySQL, which undoes no change of a
    /// table, the statements before it stay done, and the next run goes on with
    /// it; on SQLite nothing of its migration stays.
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

    /// Checks all migrations for this database against the grant, those that
    /// ran among them: what is in a release is refused here or nowhere. `None`
    /// where the plugin has none and needs none.
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
            // Whoever may only read has no tables to make.
            true if self.grant().write.is_empty() => Ok(None),
            true => Err(MigrateError::None(dialect_name(dialect))),
        }
    }

    /// A DECIMAL column has NUMERIC affinity in SQLite: what is stored there
    /// becomes a float, and would come back without its scale.
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
