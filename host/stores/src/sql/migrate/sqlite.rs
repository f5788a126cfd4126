//! Runs migrations on a SQLite file: each in one transaction together with the
//! record that it ran, and its statements within the plugin's grant.
//!
//! The records have the form of sqlx's migrator, like those of MySQL.

use std::time::Instant;

use rusqlite::{Connection, OptionalExtension, params};
use sqlx::migrate::MigrateError as SqlxMigrateError;

use super::checked::CheckedMigration;
use super::error::MigrationFailure;
use super::plan::{Pending, Record};
use super::progress::ProgressSender;
use crate::sql::sqlite::{Failure, GuestConnection, SqliteDatabase};
use crate::sql::{Error, Result as SqlResult};

impl SqliteDatabase {
    /// Runs the pending migrations, in order, and records them in the table
    /// `records`.
    pub(super) async fn migrate(
        &self,
        records: &str,
        pending: Vec<Pending>,
        progress: &ProgressSender,
    ) -> Result<(), MigrationFailure> {
        for one in pending {
            let (records, migration) = (records.to_owned(), one.migration);
            let progress = progress.clone();
            let version = migration.version();
            let failed = |failure: Failure| MigrationFailure::Statement {
                version,
                reason: reason_of(failure),
            };
            let work = move |connection: &GuestConnection| {
                in_transaction(connection, || {
                    run(connection, &records, &migration, &progress)
                })
            };
            match self.run_as_host(work).await.map_err(failed)? {
                Run::Done => {}
                Run::Changed => {
                    let changed = SqlxMigrateError::VersionMismatch(version);
                    return Err(MigrationFailure::Changed(changed));
                }
            }
        }
        Ok(())
    }

    /// Returns the records in the table `records`; none if it does not exist
    /// yet.
    pub(super) async fn migration_records(
        &self,
        records: &str,
    ) -> Result<Vec<Record>, MigrationFailure> {
        let records = records.to_owned();
        let work = move |connection: &GuestConnection| {
            connection.as_host(|host| read_records(host, &records))
        };
        let read = self.run_as_host(work).await;
        read.map_err(|failure| MigrationFailure::Records(reason_of(failure)))
    }

    /// Returns a column with NUMERIC affinity and its declared type. SQLite
    /// would store its decimals as floats.
    pub(super) async fn inexact_decimal(&self) -> SqlResult<Option<(String, String)>> {
        let work = move |connection: &GuestConnection| connection.as_host(find_inexact_decimal);
        self.run_as_host(work).await.map_err(Failure::typed)
    }
}

fn find_inexact_decimal(host: &Connection) -> Result<Option<(String, String)>, Failure> {
    const COLUMNS: &str = "SELECT m.name || '.' || c.name, c.type \
        FROM sqlite_master m JOIN pragma_table_info(m.name) c \
        WHERE m.type = 'table' AND (c.type LIKE 'DECIMAL%' OR c.type LIKE 'NUMERIC%')";
    let found = host.query_row(COLUMNS, [], |row| Ok((row.get(0)?, row.get(1)?)));
    Ok(found.optional()?)
}

fn read_records(host: &Connection, records: &str) -> Result<Vec<Record>, Failure> {
    let exists = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?";
    let exists = host.query_row(exists, [records], |_| Ok(())).optional()?;
    if exists.is_none() {
        return Ok(Vec::new());
    }
    let mut statement = host.prepare(&format!("SELECT version, checksum FROM {records}"))?;
    let rows = statement.query_map([], |row| {
        Ok(Record {
            version: row.get(0)?,
            checksum: row.get(1)?,
            // A migration and its record are committed in one transaction.
            position: None,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn reason_of(failure: Failure) -> String {
    match failure {
        Failure::Typed(Error::Denied(reason) | Error::Unavailable(reason)) => reason,
        failure => failure.to_string(),
    }
}

/// Result of running a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    Done,
    Changed,
}

fn in_transaction<T>(
    connection: &GuestConnection,
    work: impl FnOnce() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let execute = |text| connection.as_host(|host| Ok(host.execute_batch(text)?));
    execute("BEGIN IMMEDIATE")?;
    // After a failure, the transaction is rolled back when the connection is
    // given back.
    let done = work()?;
    execute("COMMIT")?;
    Ok(done)
}

fn run(
    connection: &GuestConnection,
    records: &str,
    migration: &CheckedMigration,
    progress: &ProgressSender,
) -> Result<Run, Failure> {
    let recorded = connection.as_host(|host| checksum_of(host, records, migration.version()))?;
    if let Some(checksum) = recorded {
        return Ok(match migration.is(&checksum) {
            true => Run::Done,
            false => Run::Changed,
        });
    }
    let began = Instant::now();
    for statement in migration.statements() {
        progress.begin(statement);
        connection.migrate(statement)?;
    }
    connection.as_host(|host| {
        // If the check of the texts overlooked a column, the migration is
        // rolled back.
        if let Some((column, declared)) = find_inexact_decimal(host)? {
            let reason = format!(
                "column {column} is declared {declared}, which SQLite stores as a float; \
                 declare it TEXT"
            );
            return Err(Failure::Typed(Error::Denied(reason)));
        }
        record(host, records, migration, began)
    })?;
    Ok(Run::Done)
}

fn checksum_of(host: &Connection, records: &str, version: i64) -> Result<Option<Vec<u8>>, Failure> {
    host.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS {records} (
            version BIGINT PRIMARY KEY,
            description TEXT NOT NULL,
            installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
            success BOOLEAN NOT NULL,
            checksum BLOB NOT NULL,
            execution_time BIGINT NOT NULL
        )"
    ))?;
    let find = format!("SELECT checksum FROM {records} WHERE version = ?");
    let found = host.query_row(&find, [version], |row| row.get(0));
    Ok(found.optional()?)
}

fn record(
    host: &Connection,
    records: &str,
    migration: &CheckedMigration,
    began: Instant,
) -> Result<(), Failure> {
    let text = format!(
        "INSERT INTO {records} (version, description, success, checksum, execution_time) \
         VALUES (?, ?, TRUE, ?, ?)"
    );
    let nanoseconds = i64::try_from(began.elapsed().as_nanos()).unwrap_or(i64::MAX);
    host.execute(
        &text,
        params![
            migration.version(),
            migration.description(),
            migration.checksum(),
            nanoseconds
        ],
    )?;
    Ok(())
}
