//! Runs migrations on MySQL and MariaDB, which cannot roll DDL back: one
//! statement after the other, each recorded before and after it.

use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, MySqlConnection, Row};

use super::checked::CheckedMigration;
use super::error::MigrateError;
use super::plan::{Pending, Position, Record};
use super::progress::{ProgressSender, excerpt};
use crate::sql::adopt::{Kept, Known, Obstacles, Reconciled, reconcile, refilled_from};
use crate::sql::error::mysql::{is_broken, is_contention, number};
use crate::sql::error::without_values;
use crate::sql::guard::TableGrant;
use crate::sql::mysql::Server;

/// Time limit for waiting for a table's lock, in seconds. Other statements
/// queue behind one that waits, so it gives up soon, and is retried.
const LOCK_WAIT_SECONDS: u32 = 2;

/// Attempts for a statement whose table is locked.
const ATTEMPTS: u32 = 40;

/// Increase of the delay between attempts, up to [`LONGEST_PAUSE`].
const PAUSE_STEP: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Errors of DDL that has taken effect already: the table, column, key,
/// constraint or check exists, or the column or key to drop is gone.
const ALREADY_DONE: [u16; 7] = [1050, 1060, 1061, 1068, 1091, 1826, 3822];

/// Errors of two rows with the same value of a unique key, under several names.
const DUPLICATES: [u16; 3] = [1022, 1062, 1586];

/// Largest number of times that the columns of a unique key are filled again in
/// one run.
const REFILLS: u32 = 5;

type Result<T> = std::result::Result<T, MigrateError>;

/// Version of the record that belongs to no migration: its description lists
/// the columns, keys and constraints that existed before the first migration.
/// Hosts that do not know it ignore it.
const KEPT: i64 = -1;

/// SQL mode of migrations. Existing rows may have dates that new rows may not
/// have; the mode keeps them unchanged when their table is rewritten.
const SQL_MODE: &str = "\
    /*M!100500 'PIPES_AS_CONCAT,STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,\
NO_ENGINE_SUBSTITUTION,ALLOW_INVALID_DATES' */ \
    /*!80000 'PIPES_AS_CONCAT,ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,\
ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,ALLOW_INVALID_DATES' */";

/// Database and plugin for which migrations run.
pub(super) struct Place<'a> {
    /// Name of the table that records migrations.
    pub(super) records: &'a str,
    pub(super) server: Server,
    pub(super) grant: &'a TableGrant,
    /// True if no migration has run to its end in this database.
    pub(super) is_new: bool,
    /// Tables and columns that the release's migrations create.
    pub(super) known: Known,
}

/// Returns the records in the table `records`; none if it does not exist yet.
pub(super) async fn records(
    connection: &mut MySqlConnection,
    records: &str,
) -> Result<Vec<Record>> {
    let exists = "SELECT COUNT(*) FROM information_schema.tables \
        WHERE table_schema = DATABASE() AND table_name = ?";
    let exists = sqlx::query_scalar::<_, i64>(exists).bind(records);
    if exists
        .fetch_one(&mut *connection)
        .await
        .map_err(MigrateError::from_mysql)?
        == 0
    {
        return Ok(Vec::new());
    }
    let text = format!("SELECT version, checksum, success, execution_time FROM {records}");
    let rows = sqlx::query(AssertSqlSafe(text)).fetch_all(connection).await;
    let rows = rows.map_err(MigrateError::from_mysql)?;
    let read = |row: &sqlx::mysql::MySqlRow| -> sqlx::Result<Record> {
        let success: bool = row.try_get("success")?;
        let number: i64 = row.try_get("execution_time")?;
        Ok(Record {
            version: row.try_get("version")?,
            checksum: row.try_get("checksum")?,
            position: (!success).then(|| Position::decoded(number)),
        })
    };
    rows.iter()
        .map(read)
        .collect::<sqlx::Result<_>>()
        .map_err(MigrateError::from_mysql)
}

/// Returns whether no migration has run to its end yet.
pub(super) fn is_new(records: &[Record]) -> bool {
    let mut records = records.iter();
    !records.any(|record| record.version != KEPT && record.position.is_none())
}

/// Returns the names that existed before the first migration, if they were
/// recorded.
pub(super) async fn kept(connection: &mut MySqlConnection, records: &str) -> Result<Option<Kept>> {
    let text = format!("SELECT description FROM {records} WHERE version = ?");
    let found = sqlx::query_scalar::<_, String>(AssertSqlSafe(text)).bind(KEPT);
    let found = found
        .fetch_optional(connection)
        .await
        .map_err(MigrateError::from_mysql)?;
    Ok(found.map(|text| Kept::parse(&text)))
}

/// Records the names that exist before the first migration, and returns them.
async fn keep(connection: &mut MySqlConnection, place: &Place<'_>) -> Result<Kept> {
    let kept = Kept::read(connection, place.server, place.grant).await;
    let kept = kept.map_err(MigrateError::from_mysql)?;
    if kept.is_empty() {
        return Ok(kept);
    }
    let text = format!(
        "INSERT INTO {} (version, description, success, checksum, execution_time) \
         VALUES (?, ?, TRUE, '', 0)",
        place.records
    );
    let inserting = sqlx::query(AssertSqlSafe(text)).bind(KEPT);
    let inserted = inserting.bind(kept.to_text()).execute(connection).await;
    inserted.map_err(MigrateError::from_mysql)?;
    Ok(kept)
}

/// Runs the pending migrations, in order.
pub(super) async fn run(
    connection: &mut MySqlConnection,
    place: &Place<'_>,
    pending: Vec<Pending>,
    progress: &ProgressSender,
) -> Result<()> {
    let session = format!(
        "SET SESSION lock_wait_timeout = {LOCK_WAIT_SECONDS}, \
         innodb_lock_wait_timeout = {LOCK_WAIT_SECONDS}, sql_mode = {SQL_MODE}"
    );
    execute(connection, session).await?;
    execute(connection, create(place.records)).await?;
    let kept = match kept(connection, place.records).await? {
        Some(kept) => kept,
        None if place.is_new => keep(connection, place).await?,
        None => Kept::default(),
    };
    for one in pending {
        let mut runner = Runner {
            connection: &mut *connection,
            place,
            kept: &kept,
            records: place.records,
            migration: &one.migration,
            progress,
        };
        runner.run(one.position).await?;
    }
    Ok(())
}

/// Returns the statement that creates the records table in the form of sqlx's
/// migrator, which older hosts use.
fn create(records: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {records} ( \
            version BIGINT PRIMARY KEY, \
            description TEXT NOT NULL, \
            installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, \
            success BOOLEAN NOT NULL, \
            checksum BLOB NOT NULL, \
            execution_time BIGINT NOT NULL) \
         ENGINE = InnoDB DEFAULT CHARSET = utf8mb4"
    )
}

async fn execute(connection: &mut MySqlConnection, text: String) -> Result<()> {
    let done = sqlx::raw_sql(AssertSqlSafe(text)).execute(connection).await;
    done.map(|_| ()).map_err(MigrateError::from_mysql)
}

/// State of running one migration.
struct Runner<'a> {
    connection: &'a mut MySqlConnection,
    place: &'a Place<'a>,
    kept: &'a Kept,
    records: &'a str,
    migration: &'a CheckedMigration,
    progress: &'a ProgressSender,
}

impl Runner<'_> {
    async fn run(&mut self, position: Option<Position>) -> Result<()> {
        let began = Instant::now();
        if position.is_none() {
            self.insert_record().await?;
        }
        let from = position.unwrap_or_default();
        self.progress.skip(from.done);
        let statements = self.migration.statements();
        let mut index = from.done;
        let mut refills = 0;
        while let Some(text) = statements.get(index) {
            self.progress.begin(text);
            let was_begun = from.in_doubt && index == from.done && refills == 0;
            let own = self.reconciled(index, text).await?;
            let ran = match is_change_of_rows(text) {
                true => self.change_rows(index, &own).await,
                false => self.change_table(index, &own, was_begun).await,
            };
            let refilled = refilled_from(statements, index);
            match ran {
                Ok(()) => index += 1,
                Err(error) if is_duplicate(&error) && refilled < index && refills < REFILLS => {
                    tracing::warn!(
                        migration = self.migration.file(),
                        statement = index + 1,
                        "others have written a row that the key does not allow beside another; the \
                         statements from {} on run again: {}",
                        refilled + 1,
                        without_values(&error.to_string())
                    );
                    refills += 1;
                    index = refilled;
                }
                Err(source) => return Err(self.failed_at(index, text, source)),
            }
        }
        self.record_success(began.elapsed()).await
    }

    /// Returns the statements to run instead of a statement, adapted to the
    /// existing tables.
    async fn reconciled(&mut self, index: usize, text: &str) -> Result<Vec<String>> {
        let Place { server, grant, .. } = *self.place;
        let made = (self.kept, &self.place.known);
        let compared = reconcile(self.connection, server, grant, text, made).await;
        let Reconciled {
            statements,
            obstacles,
        } = compared.map_err(|source| self.failed_at(index, text, source))?;
        if !obstacles.is_empty() {
            return Err(Obstacles(obstacles).into());
        }
        if statements != [text] {
            tracing::info!(
                migration = self.migration.file(),
                statement = index + 1,
                runs = statements.join("; "),
                "a statement is fitted to the tables that are there"
            );
        }
        Ok(statements)
    }

    /// Inserts the record of this migration, or replaces that of an attempt
    /// with another text.
    async fn insert_record(&mut self) -> Result<()> {
        let text = format!(
            "REPLACE INTO {} (version, description, success, checksum, execution_time) \
             VALUES (?, ?, FALSE, ?, ?)",
            self.records
        );
        let inserting = sqlx::query(AssertSqlSafe(text))
            .bind(self.migration.version())
            .bind(self.migration.description())
            .bind(self.migration.checksum())
            .bind(Position::default().encoded());
        let inserted = inserting.execute(&mut *self.connection).await;
        inserted.map(|_| ()).map_err(MigrateError::from_mysql)
    }

    async fn record_success(&mut self, took: Duration) -> Result<()> {
        let nanoseconds = i64::try_from(took.as_nanos()).unwrap_or(i64::MAX);
        let text = format!(
            "UPDATE {} SET success = TRUE, execution_time = ? WHERE version = ?",
            self.records
        );
        let done = sqlx::query(AssertSqlSafe(text)).bind(nanoseconds);
        let done = done.bind(self.migration.version());
        let done = done.execute(&mut *self.connection).await;
        done.map(|_| ()).map_err(MigrateError::from_mysql)
    }

    async fn record(&mut self, position: Position) -> sqlx::Result<()> {
        let text = format!(
            "UPDATE {} SET execution_time = ? WHERE version = ?",
            self.records
        );
        let recording = sqlx::query(AssertSqlSafe(text))
            .bind(position.encoded())
            .bind(self.migration.version());
        recording.execute(&mut *self.connection).await.map(|_| ())
    }

    /// Runs a change of rows in one transaction with its record, so that the
    /// statement takes effect exactly once even after a failure, on tables of a
    /// transactional engine.
    async fn change_rows(&mut self, index: usize, texts: &[String]) -> sqlx::Result<()> {
        let mut attempt = 1;
        loop {
            let error = match self.change_rows_once(index, texts).await {
                Ok(()) => return Ok(()),
                Err(error) if is_broken(&error) => return Err(error),
                Err(error) => error,
            };
            self.raw("ROLLBACK").await?;
            self.pause_after(attempt, error).await?;
            attempt += 1;
        }
    }

    async fn change_rows_once(&mut self, index: usize, texts: &[String]) -> sqlx::Result<()> {
        self.raw("START TRANSACTION").await?;
        for text in texts {
            self.raw(text).await?;
        }
        let position = Position {
            done: index + 1,
            in_doubt: false,
        };
        self.record(position).await?;
        self.raw("COMMIT").await
    }

    /// Runs a DDL statement, which commits by itself. If the outcome of an
    /// earlier attempt is unknown, the error that the change has been made
    /// already counts as success.
    async fn change_table(
        &mut self,
        index: usize,
        texts: &[String],
        was_begun: bool,
    ) -> sqlx::Result<()> {
        let begun = |in_doubt| Position {
            done: index,
            in_doubt,
        };
        self.record(begun(true)).await?;
        let mut attempt = 1;
        while let Err(error) = self.raw_all(texts).await {
            if is_broken(&error) {
                return Err(error);
            }
            if was_begun && is_already_done(&error) {
                tracing::warn!(
                    migration = self.migration.file(),
                    statement = index + 1,
                    "an attempt that was cut off has made this change of a table: {error}"
                );
                break;
            }
            if let Err(error) = self.pause_after(attempt, error).await {
                self.record(begun(was_begun)).await?;
                return Err(error);
            }
            attempt += 1;
        }
        let done = Position {
            done: index + 1,
            in_doubt: false,
        };
        self.record(done).await
    }

    /// Waits before the next attempt, if the statement lost against a
    /// concurrent one and attempts are left; otherwise returns the error.
    async fn pause_after(&self, attempt: u32, error: sqlx::Error) -> sqlx::Result<()> {
        if !is_contention(&error) || attempt >= ATTEMPTS {
            return Err(error);
        }
        let waits =
            format!("the table is locked by others: attempt {attempt} of {ATTEMPTS} failed");
        self.progress.wait_for(waits);
        tokio::time::sleep((PAUSE_STEP * attempt).min(LONGEST_PAUSE)).await;
        Ok(())
    }

    async fn raw(&mut self, text: &str) -> sqlx::Result<()> {
        let text = AssertSqlSafe(text.to_owned());
        let done = sqlx::raw_sql(text).execute(&mut *self.connection).await;
        done.map(|_| ())
    }

    async fn raw_all(&mut self, texts: &[String]) -> sqlx::Result<()> {
        for text in texts {
            self.raw(text).await?;
        }
        Ok(())
    }

    fn failed_at(&self, index: usize, text: &str, error: sqlx::Error) -> MigrateError {
        MigrateError::Statement {
            file: self.migration.file().to_owned(),
            statement: index + 1,
            statements: self.migration.statements().len(),
            text: excerpt(text),
            error,
        }
    }
}

/// Returns whether the statement, which was checked, changes rows as opposed to
/// a table's definition.
fn is_change_of_rows(text: &str) -> bool {
    let word = text.split_whitespace().next().unwrap_or_default();
    !["CREATE", "ALTER"]
        .iter()
        .any(|it| word.eq_ignore_ascii_case(it))
}

fn is_already_done(error: &sqlx::Error) -> bool {
    is_one_of(error, &ALREADY_DONE)
}

fn is_duplicate(error: &sqlx::Error) -> bool {
    is_one_of(error, &DUPLICATES)
}

fn is_one_of(error: &sqlx::Error, numbers: &[u16]) -> bool {
    number(error).is_some_and(|number| numbers.contains(&number))
}
