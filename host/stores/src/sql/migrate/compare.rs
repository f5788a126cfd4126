//! Compares a plugin's migrations with a database: which are pending, and what
//! they meet there.

use bundle::Migrations;
use sqlx::{Connection, MySqlConnection};

use super::checked::CheckedMigration;
use super::error::MigrateError;
use super::plan::{MigrationPlan, Record};
use super::{migrations_table, mysql};
use crate::sql::Dialect;
use crate::sql::access::{Database, DatabaseAccess};
use crate::sql::adopt::{self, AdoptionReport, Finding, Obstacles};
use crate::sql::mysql::Server;

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
        match &self.database {
            Database::Sqlite(sqlite) => {
                let records = sqlite.migration_records(&table).await?;
                let plan = MigrationPlan::new(checked, &records, Dialect::Sqlite)?;
                let report = AdoptionReport {
                    is_new: records.is_empty(),
                    statements: plan.statements(),
                    ..AdoptionReport::default()
                };
                Ok((plan, report))
            }
            Database::MySql(mysql) => {
                let connection = mysql.unbounded().await;
                let mut connection = connection.map_err(MigrateError::from_mysql)?;
                let server = mysql.server;
                let comparing = self.compare_with_tables(&mut connection, server, checked, &table);
                let compared = comparing.await?;
                let closed = connection.close().await;
                closed.map_err(MigrateError::from_mysql)?;
                Ok(compared)
            }
        }
    }

    /// Compares the pending ones of the `checked` migrations with the tables of
    /// a MySQL server, unless what earlier migrations created is missing.
    async fn compare_with_tables(
        &self,
        connection: &mut MySqlConnection,
        server: Server,
        checked: Vec<CheckedMigration>,
        table: &str,
    ) -> Result<(MigrationPlan, AdoptionReport), MigrateError> {
        let records = mysql::records(connection, table).await?;
        let plan = MigrationPlan::new(checked.clone(), &records, Dialect::Mysql)?;
        let listed = plan.listed();
        let pending = listed.iter().filter(|statement| !statement.is_done);
        let pending: Vec<&str> = pending.map(|statement| statement.text.as_str()).collect();
        let lacking = self.lacking(connection, &checked, &records, (&plan, table));
        let lacking = lacking.await.map_err(MigrateError::from_mysql)?;
        if plan.is_empty() || !lacking.is_empty() {
            let report = AdoptionReport {
                statements: pending.len(),
                findings: lacking,
                ..AdoptionReport::default()
            };
            return Ok((plan, report));
        }
        let statements = checked.iter().flat_map(CheckedMigration::statements);
        let compared = adopt::Plan {
            grant: self.grant(),
            all: statements.map(String::as_str).collect(),
            pending,
            is_new: mysql::is_new(&records),
            kept: match records.is_empty() {
                true => None,
                false => mysql::kept(connection, table).await?,
            },
        };
        let report = adopt::check(connection, server, &compared).await;
        Ok((plan, report.map_err(MigrateError::from_mysql)?))
    }

    /// Returns tables and columns that are missing although migrations which
    /// have run created them. Returns none if the records name a newer
    /// release's migrations, which may have dropped them.
    async fn lacking(
        &self,
        connection: &mut MySqlConnection,
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
}
