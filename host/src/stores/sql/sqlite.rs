//! SQLite: one writer and several readers on a file in WAL mode.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{FutureExt, TryStream, TryStreamExt};
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteQueryResult, SqliteRow, SqliteSynchronous, SqliteValueRef,
};
use sqlx::{Column, ConnectOptions, Connection, Executor, Row, Sqlite, TypeInfo, ValueRef};
use tokio::sync::Mutex;

use super::error::{OpenError, is_contention, public_url, typed};
use super::file_lock::lock_file;
use super::guard::Checked;
use super::patience::Patience;
use super::readers::Readers;
use super::retry::persistent;
use super::rows::{Cell, Form};
use super::value::{Collector, instant_as_text};
use super::{CallLimits, Outcome, Result, Value};

/// How long a statement waits for another process's lock.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Prepared statements that a connection keeps.
pub(super) const STATEMENTS_KEPT: usize = 256;

/// How often to look for a row before going to sleep for it.
const LOOKS: u32 = 3;

/// The connections of one grant on one file.
#[derive(Clone)]
pub(super) struct SqliteDatabase {
    pub(super) readers: Arc<Readers>,
    pub(super) writer: SqlitePool,
    /// With the statement that the writer runs.
    pub(super) patience: Patience,
}

/// A file of the host's own, whose statements are all short.
#[derive(Clone)]
pub(in crate::stores) struct SqliteFile {
    pub(in crate::stores) readers: SqlitePool,
    pub(in crate::stores) writer: SqlitePool,
}

impl SqliteDatabase {
    /// Open the file of `url`, making it and its folder when they are absent.
    pub(super) async fn open(
        writers: &Writers,
        url: &str,
        readers: u32,
    ) -> std::result::Result<Self, OpenError> {
        let options = SqliteConnectOptions::from_str(url)
            .map_err(|source| OpenError::Url {
                url: public_url(url),
                source,
            })?
            // Safe in WAL mode: a power failure may lose the last commits, a
            // crash of the process loses none, and neither corrupts.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true);
        let name = public_url(url);
        let (options, writer) = prepare(writers, options, &name).await?;
        let opened = Readers::open(options.get_filename(), readers).await;
        let readers = opened.map_err(|source| OpenError::Connect {
            url: name,
            source: source.into(),
        })?;
        Ok(Self {
            readers,
            writer: writer.pool,
            patience: writer.patience,
        })
    }

    /// Run a query on a reader.
    pub(super) async fn query<F: Form>(
        &self,
        statement: &Checked,
        parameters: Vec<Value>,
        limits: CallLimits,
        deadline: Instant,
    ) -> Result<F> {
        let text = &statement.text;
        self.readers.query(text, parameters, limits, deadline).await
    }

    /// Run a change on the writer, in a transaction of its own, and again if
    /// another process was in its way.
    pub(super) async fn execute(
        &self,
        statement: &Checked,
        parameters: Vec<Value>,
        deadline: Instant,
    ) -> Result<Outcome> {
        let arguments = bind(parameters)?;
        let change = || {
            let text = sqlx::AssertSqlSafe(statement.text.clone());
            let change = sqlx::query_with(text, arguments.clone());
            async {
                let mut writer = self.writer.acquire().await?;
                let running = self.patience.begin(deadline);
                let done = change.execute(&mut *writer).await?;
                running.done();
                Ok(done)
            }
        };
        let done = persistent(change, is_contention).await;
        done.map(outcome).map_err(typed)
    }
}

impl SqliteFile {
    /// Open `file` likewise, for a store of the host's own.
    pub(in crate::stores) async fn open_file(
        file: &Path,
        readers: u32,
        synchronous: SqliteSynchronous,
    ) -> std::result::Result<Self, OpenError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .synchronous(synchronous);
        let name = file.display().to_string();
        let (options, writer) = prepare(&Writers::default(), options, &name).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(readers)
            .min_connections(1)
            .test_before_acquire(false)
            .connect_with(read_only(options))
            .await
            .map_err(|source| OpenError::Connect {
                url: name,
                source: source.into(),
            })?;
        Ok(Self {
            readers,
            writer: writer.pool,
        })
    }
}

/// Make the file of `options` ready, which messages call `name`, and return
/// its writer.
async fn prepare(
    writers: &Writers,
    options: SqliteConnectOptions,
    name: &str,
) -> std::result::Result<(SqliteConnectOptions, Writer), OpenError> {
    let options = options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(STATEMENTS_KEPT)
        .disable_statement_logging();
    if let Some(folder) = options.get_filename().parent() {
        make_folder(folder).map_err(|source| OpenError::Folder {
            url: name.to_owned(),
            source,
        })?;
    }
    let connect = |source: sqlx::Error| OpenError::Connect {
        url: name.to_owned(),
        source: source.into(),
    };
    // A file that becomes WAL is taken alone, and SQLite does not wait for
    // another process that does the same.
    let lock = options.get_filename().with_extension("open.lock");
    let _alone = lock_file(lock)
        .await
        .map_err(|error| connect(error.into()))?;
    let writer = writers.of(&options).await.map_err(connect)?;
    Ok((options, writer))
}

fn read_only(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options.read_only(true).create_if_missing(false)
}

/// The writers of all files: a file takes one at a time, so all grants on it
/// share one. Who waits for a pool gets its turn in order, while those who
/// wait for the file's lock poll for it.
#[derive(Default)]
pub(super) struct Writers(Mutex<HashMap<PathBuf, Writer>>);

/// A pool of one connection, and what ends its statement.
#[derive(Clone)]
struct Writer {
    pool: SqlitePool,
    patience: Patience,
}

impl Writers {
    /// The one writer of a file.
    async fn of(&self, options: &SqliteConnectOptions) -> sqlx::Result<Writer> {
        let mut writers = self.0.lock().await;
        if let Some(writer) = writers.get(options.get_filename()) {
            return Ok(writer.clone());
        }
        let patience = Patience::new();
        let (watching, fresh) = (patience.clone(), patience.clone());
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .min_connections(1)
            .test_before_acquire(false)
            .after_connect(move |connection, _| {
                let watching = watching.clone();
                Box::pin(async move { watching.watch(connection).await })
            })
            .before_acquire(move |connection, _| {
                // Whoever was cut off before is no longer waited for. A change
                // that was, SQLite has rolled back with its transaction, and
                // sqlx takes it for open: that connection is of no use.
                fresh.reset();
                let is_whole = !connection.is_in_transaction();
                Box::pin(async move { Ok(is_whole) })
            })
            .connect_with(options.clone())
            .await?;
        let writer = Writer { pool, patience };
        writers.insert(options.get_filename().to_owned(), writer.clone());
        Ok(writer)
    }

    /// Close them all.
    pub(super) async fn close(&self) {
        for (_, writer) in self.0.lock().await.drain() {
            writer.pool.close().await;
        }
    }
}

fn make_folder(folder: &Path) -> std::io::Result<()> {
    if folder.as_os_str().is_empty() {
        Ok(())
    } else {
        std::fs::create_dir_all(folder)
    }
}

pub(super) async fn query<'c, F: Form>(
    connection: impl Executor<'c, Database = Sqlite>,
    statement: &Checked,
    parameters: Vec<Value>,
    limits: CallLimits,
) -> Result<F> {
    let query = sqlx::query_with(
        sqlx::AssertSqlSafe(statement.text.clone()),
        bind(parameters)?,
    );
    let mut rows = query.fetch(connection);
    let mut collector = Collector::new(limits);
    while let Some(row) = next_row(&mut rows).await.map_err(typed)? {
        if !collector.has_columns() {
            collector.set_columns(row.columns().iter().map(Column::name));
        }
        collector.push(cells(&row))?;
    }
    Ok(collector.finish())
}

/// The next row. sqlx steps a statement on a thread of its own, which has the
/// next row, or the end, within microseconds: looking again after a turn of
/// other requests costs less than being woken across threads.
async fn next_row<S>(rows: &mut S) -> sqlx::Result<Option<SqliteRow>>
where
    S: TryStream<Ok = SqliteRow, Error = sqlx::Error> + Unpin,
{
    for _ in 0..LOOKS {
        if let Some(next) = rows.try_next().now_or_never() {
            return next;
        }
        tokio::task::yield_now().await;
    }
    rows.try_next().await
}

pub(super) async fn execute<'c>(
    connection: impl Executor<'c, Database = Sqlite>,
    statement: &Checked,
    parameters: Vec<Value>,
) -> Result<Outcome> {
    let query = sqlx::query_with(
        sqlx::AssertSqlSafe(statement.text.clone()),
        bind(parameters)?,
    );
    query.execute(connection).await.map(outcome).map_err(typed)
}

fn outcome(done: SqliteQueryResult) -> Outcome {
    Outcome {
        rows_affected: done.rows_affected(),
        last_insert_id: u64::try_from(done.last_insert_rowid()).unwrap_or_default(),
    }
}

fn bind(parameters: Vec<Value>) -> Result<SqliteArguments> {
    use sqlx::Arguments;
    let mut arguments = SqliteArguments::default();
    arguments.reserve(parameters.len(), 0);
    for parameter in parameters {
        let bound = match parameter {
            Value::Null => arguments.add(None::<i64>),
            Value::Integer(number) => arguments.add(number),
            Value::Real(number) => arguments.add(number),
            Value::Text(text) => arguments.add(text),
            Value::Blob(bytes) => arguments.add(bytes),
            Value::Timestamp(text) => arguments.add(instant_as_text(&text)?),
        };
        bound.map_err(|error| typed(sqlx::Error::Encode(error)))?;
    }
    Ok(arguments)
}

fn cells(row: &SqliteRow) -> impl Iterator<Item = Result<Cell<'_>>> {
    (0..row.len()).map(|index| row.try_get_raw(index).map_err(typed).and_then(cell))
}

/// How a value is decoded.
enum Kind {
    Integer,
    Real,
    Text,
    Blob,
}

impl Kind {
    /// By the value's own type: SQLite's columns hold whatever was stored.
    fn of(value: &SqliteValueRef<'_>) -> Self {
        match value.type_info().name() {
            "INTEGER" | "BOOLEAN" => Self::Integer,
            "REAL" => Self::Real,
            "BLOB" => Self::Blob,
            _ => Self::Text,
        }
    }
}

fn cell(raw: SqliteValueRef<'_>) -> Result<Cell<'_>> {
    use sqlx::Decode;
    if raw.is_null() {
        return Ok(Cell::Null);
    }
    let decoded = match Kind::of(&raw) {
        Kind::Integer => Decode::<Sqlite>::decode(raw).map(Cell::Integer),
        Kind::Real => Decode::<Sqlite>::decode(raw).map(Cell::Real),
        Kind::Blob => Decode::<Sqlite>::decode(raw).map(Cell::Blob),
        Kind::Text => <&str as Decode<Sqlite>>::decode(raw).map(|text| Cell::Text(text.into())),
    };
    decoded.map_err(|error| typed(sqlx::Error::Decode(error)))
}
