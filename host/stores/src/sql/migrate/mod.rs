//! Migrates a plugin's tables: pending migrations ([`plan`]), the lock that
//! lets one node at a time run them ([`lock`]), and progress reports
//! ([`progress`]).

mod checked;
mod compare;
mod error;
mod identity;
mod lock;
mod mysql;
mod plan;
mod progress;
mod sqlite;

use bundle::Migrations;

use super::Dialect;
use super::access::{Database, DatabaseAccess};
use super::adopt;
use checked::CheckedMigration;
use error::dialect_name;

pub use error::MigrateError;
pub use lock::{MigrationLock, SchemaLock};
pub use plan::{MigrationPlan, PlannedStatement};
pub use progress::{MigrationProgress, ProgressSender};

impl DatabaseAccess {
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
        // Migrations change rows too, and which tables' changes can be followed.
        let _changing = self.versions().invalidate_on_drop();
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

/// Returns the name of the table that records which migrations of `plugin` ran.
#[must_use]
pub fn migrations_table(plugin: &str) -> String {
    format!("edge_migrations_{}", plugin.replace('-', "_"))
}
