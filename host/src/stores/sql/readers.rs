//! SQLite's connections that only read: so many, opened as they are needed.
//!
//! A statement runs on the thread that asks: most are done within tens of
//! microseconds, which is less than it takes to wake another thread for them,
//! and that one for their rows, as sqlx does. A statement that is not done soon
//! is ended there, and begins again on a thread where it may take its time:
//! reading twice changes nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_queue::ArrayQueue;
use rusqlite::types::{ToSqlOutput, Value as Owned, ValueRef};
use rusqlite::{Connection, OpenFlags, Row};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, spawn_blocking};
use tokio_util::sync::CancellationToken;

use super::error::{is_interrupted, is_locked, typed_reading};
use super::patience::STEPS;
use super::rows::{Cell, Form};
use super::sqlite::{BUSY_TIMEOUT, STATEMENTS_KEPT};
use super::value::{Collector, instant_as_text};
use super::{CallLimits, Connections, Result};
use crate::bindings::sql::{Error, Rows, Value};

/// How long a statement may keep the thread that asks: as long as a guest may
/// compute there without a break.
const SOON: Duration = Duration::from_millis(2);

/// The readers of one grant on one file.
pub(super) struct Readers {
    file: PathBuf,
    idle: ArrayQueue<Connection>,
    room: Arc<Semaphore>,
}

/// A connection that is in use. It is closed unless it is given back.
struct Reader {
    connection: Connection,
    _place: OwnedSemaphorePermit,
}

/// What is asked.
struct Question {
    text: Arc<str>,
    parameters: Vec<Value>,
    limits: CallLimits,
}

/// Why there are no rows.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Typed(#[from] Error),
}

type Asked<T> = std::result::Result<T, Failed>;

impl Readers {
    /// Up to `most` connections to a file that is there, of which the first is
    /// opened now.
    pub(super) async fn open(file: &Path, most: u32) -> Asked<Arc<Self>> {
        let most = most.max(1) as usize;
        let readers = Self {
            file: file.to_owned(),
            idle: ArrayQueue::new(most),
            room: Arc::new(Semaphore::new(most)),
        };
        let readers = Arc::new(readers);
        let first = readers.take().await?;
        readers.give_back(first);
        Ok(readers)
    }

    /// Run a SELECT that may go on until `deadline`. Dropping this ends it.
    pub(super) async fn query<F: Form>(
        self: &Arc<Self>,
        text: &Arc<str>,
        parameters: Vec<Value>,
        limits: CallLimits,
        deadline: Instant,
    ) -> Result<F> {
        let reader = self.take().await.map_err(Failed::typed)?;
        let question = Question {
            text: text.clone(),
            parameters,
            limits,
        };
        let soon = deadline.min(Instant::now() + SOON);
        let rows = question.ask(&reader, Duration::ZERO, move || Instant::now() >= soon);
        let rows = match rows {
            Err(failed) if failed.is_for_want_of_time() && Instant::now() < deadline => {
                self.take_time(question, reader, deadline).await
            }
            rows => {
                self.give_back(reader);
                rows
            }
        };
        rows.map_err(Failed::typed)
    }

    /// Begin again where nobody is kept waiting but the one who asks.
    async fn take_time<F: Form>(
        self: &Arc<Self>,
        question: Question,
        reader: Reader,
        deadline: Instant,
    ) -> Asked<F> {
        let left = CancellationToken::new();
        let _leaving = left.clone().drop_guard();
        let readers = self.clone();
        let asking = spawn_blocking(move || {
            let patience = BUSY_TIMEOUT.min(deadline.saturating_duration_since(Instant::now()));
            let is_over = move || left.is_cancelled() || Instant::now() >= deadline;
            let rows = question.ask(&reader, patience, is_over);
            readers.give_back(reader);
            rows
        });
        asking.await.unwrap_or_else(|panic| Err(panicked(&panic)))
    }

    /// Whether the file can be read.
    pub(super) async fn ping(self: &Arc<Self>, deadline: Instant) -> Result<()> {
        const LIMITS: CallLimits = CallLimits {
            rows: 1,
            bytes: 1024,
        };
        let text = "SELECT 1".into();
        let asked = self.query::<Rows>(&text, Vec::new(), LIMITS, deadline);
        asked.await.map(|_| ())
    }

    /// How many there are.
    pub(super) fn connections(&self) -> Connections {
        let most = self.idle.capacity();
        Connections {
            used: most.saturating_sub(self.room.available_permits()),
            idle: self.idle.len(),
            most,
        }
    }

    /// Let go of the file, once running statements are done.
    pub(super) async fn close(&self) {
        let all = u32::try_from(self.idle.capacity()).unwrap_or(u32::MAX);
        let places = self.room.acquire_many(all).await;
        self.room.close();
        drop(places);
        while let Some(connection) = self.idle.pop() {
            if let Err((_, error)) = connection.close() {
                tracing::debug!(%error, "a reader does not close");
            }
        }
    }

    async fn take(&self) -> Asked<Reader> {
        let place = self.room.clone().acquire_owned().await;
        let place = place.map_err(|_| Error::Unavailable("the database is closed".to_owned()))?;
        let connection = match self.idle.pop() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        Ok(Reader {
            connection,
            _place: place,
        })
    }

    async fn connect(&self) -> Asked<Connection> {
        let file = self.file.clone();
        let opening = spawn_blocking(move || {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(file, flags)?;
            connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
            Ok(connection)
        });
        opening.await.unwrap_or_else(|panic| Err(panicked(&panic)))
    }

    fn give_back(&self, reader: Reader) {
        // There is room for as many as there are places.
        let _ = self.idle.push(reader.connection);
    }
}

impl Question {
    /// Ask `reader`, until it `is_over`. A lock of the file is waited for with
    /// this `patience`.
    fn ask<F: Form>(
        &self,
        reader: &Reader,
        patience: Duration,
        is_over: impl FnMut() -> bool + Send + 'static,
    ) -> Asked<F> {
        let Reader { connection, .. } = reader;
        connection.busy_timeout(patience)?;
        connection.progress_handler(STEPS, Some(is_over))?;
        let mut statement = connection.prepare_cached(&self.text)?;
        for (index, parameter) in self.parameters.iter().enumerate() {
            statement.raw_bind_parameter(index + 1, bound(parameter)?)?;
        }
        let mut rows = statement.raw_query();
        let mut collector = Collector::new(self.limits);
        while let Some(row) = rows.next()? {
            if !collector.has_columns() {
                collector.set_columns(row.as_ref().column_names().into_iter());
            }
            let columns = row.as_ref().column_count();
            collector.push((0..columns).map(|index| cell(row, index)))?;
        }
        Ok(collector.finish())
    }
}

impl Failed {
    /// Whether it may well succeed where it may take its time: it was ended, or
    /// is to wait for a lock.
    fn is_for_want_of_time(&self) -> bool {
        matches!(self, Self::Sqlite(error) if is_interrupted(error) || is_locked(error))
    }

    fn typed(self) -> Error {
        match self {
            Self::Sqlite(error) => typed_reading(error),
            Self::Typed(error) => error,
        }
    }
}

fn panicked(error: &JoinError) -> Failed {
    Failed::Typed(Error::Unavailable(error.to_string()))
}

fn bound(parameter: &Value) -> Result<ToSqlOutput<'_>> {
    let value = match parameter {
        Value::Null => ValueRef::Null,
        Value::Integer(number) => ValueRef::Integer(*number),
        Value::Real(number) => ValueRef::Real(*number),
        Value::Text(text) => ValueRef::Text(text.as_bytes()),
        Value::Blob(bytes) => ValueRef::Blob(bytes),
        Value::Timestamp(text) => {
            let text = instant_as_text(text)?;
            return Ok(ToSqlOutput::Owned(Owned::Text(text)));
        }
    };
    Ok(ToSqlOutput::Borrowed(value))
}

/// By the value's own type: SQLite's columns hold whatever was stored.
fn cell<'a>(row: &'a Row<'_>, index: usize) -> Result<Cell<'a>> {
    Ok(match row.get_ref(index).map_err(typed_reading)? {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Integer(number),
        ValueRef::Real(number) => Cell::Real(number),
        ValueRef::Text(bytes) => {
            let text = str::from_utf8(bytes).map_err(|error| Error::Invalid(error.to_string()))?;
            Cell::Text(text.into())
        }
        ValueRef::Blob(bytes) => Cell::Blob(bytes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Longer than anybody waits.
    const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
        SELECT COUNT(*) FROM n";

    /// Longer than anybody's thread may be kept.
    const LONG: &str = "WITH RECURSIVE n (i) AS \
        (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT SUM(i) FROM n";

    const LIMITS: CallLimits = CallLimits {
        rows: 1000,
        bytes: 100_000,
    };

    struct File {
        readers: Arc<Readers>,
        other: Connection,
        _folder: tempfile::TempDir,
    }

    impl File {
        async fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let file = folder.path().join("test.db");
            let other = Connection::open(&file).expect("a file");
            let made =
                "CREATE TABLE t (a); INSERT INTO t VALUES (7), ('x'), (NULL), (1.5), (x'00ff')";
            other.execute_batch(made).expect("a table");
            Self {
                readers: Readers::open(&file, 2).await.expect("readers"),
                other,
                _folder: folder,
            }
        }

        async fn ask(&self, text: &str, parameters: Vec<Value>, deadline: Instant) -> Result<Rows> {
            let text = text.into();
            let asking = self.readers.query(&text, parameters, LIMITS, deadline);
            asking.await
        }

        async fn one(&self, text: &str) -> Result<Value> {
            let rows = self.ask(text, Vec::new(), later()).await?;
            Ok(rows.rows[0][0].clone())
        }

        fn idle(&self) -> usize {
            self.readers.idle.len()
        }

        /// The one reader that there was is there, and works.
        async fn assert_answers(&self) {
            assert_shows(
                self.one("SELECT 7").await.expect("a row"),
                Value::Integer(7),
            );
            assert_eq!(self.idle(), 1, "another one");
        }
    }

    /// Values are not to be compared, but by how they show.
    #[track_caller]
    fn assert_shows(found: impl std::fmt::Debug, expected: impl std::fmt::Debug) {
        assert_eq!(format!("{found:?}"), format!("{expected:?}"));
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(200)
    }

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    /// See `.cargo/config.toml`.
    #[tokio::test]
    async fn no_allocation_of_sqlite_takes_a_lock_of_the_process() {
        let file = File::new().await;
        let options = file
            .ask("PRAGMA compile_options", Vec::new(), later())
            .await;
        let options = format!("{:?}", options.expect("options").rows);
        let has = |wanted: &str| options.contains(&format!("\"{wanted}\""));
        assert!(has("DEFAULT_MEMSTATUS=0"), "{options:?}");
        assert!(!has("ENABLE_MEMORY_MANAGEMENT"), "{options:?}");
    }

    #[tokio::test]
    async fn values_are_what_was_stored_and_asked_for() {
        let file = File::new().await;
        let stored = file.ask("SELECT a FROM t", Vec::new(), later()).await;
        let stored = stored.expect("rows");
        let values = vec![
            Value::Integer(7),
            Value::Text("x".to_owned()),
            Value::Null,
            Value::Real(1.5),
            Value::Blob(vec![0, 255]),
        ];
        assert_eq!(stored.columns, ["a"]);
        assert_shows(stored.rows.concat(), &values);
        let asked = file
            .ask("SELECT ?, ?, ?, ?, ?", values.clone(), later())
            .await;
        assert_shows(asked.expect("a row").rows, [values]);
        let instant = Value::Timestamp("2026-01-02T03:04:05+01:00".to_owned());
        let asked = file.ask("SELECT ?", vec![instant], later()).await;
        let expected = Value::Text("2026-01-02T02:04:05.000Z".to_owned());
        assert_shows(asked.expect("a row").rows, [[expected]]);
    }

    #[tokio::test]
    async fn a_statement_that_takes_time_has_it() {
        let file = File::new().await;
        let sum = file.one(LONG).await;
        assert_shows(sum.expect("a sum"), Value::Integer(300_000 * 300_001 / 2));
        file.assert_answers().await;
    }

    #[tokio::test]
    async fn a_statement_ends_at_its_deadline() {
        let file = File::new().await;
        let ended = file.ask(ENDLESS, Vec::new(), soon()).await;
        assert!(matches!(ended, Err(Error::Timeout)), "{ended:?}");
        file.assert_answers().await;
    }

    #[tokio::test]
    async fn a_statement_that_is_dropped_ends() {
        let file = File::new().await;
        let running = file.ask(ENDLESS, Vec::new(), later());
        let waited = tokio::time::timeout(Duration::from_millis(100), running).await;
        assert!(waited.is_err(), "it came to an end");
        assert_eq!(file.idle(), 0);
        let ending = async {
            while file.idle() == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let ended = tokio::time::timeout(Duration::from_secs(30), ending).await;
        assert!(ended.is_ok(), "the statement goes on");
        file.assert_answers().await;
    }

    #[tokio::test]
    async fn a_lock_is_waited_for() {
        let file = File::new().await;
        file.other.execute_batch("BEGIN EXCLUSIVE").expect("a lock");
        let locked = file.ask("SELECT a FROM t", Vec::new(), soon()).await;
        assert!(
            matches!(locked, Err(Error::Unavailable(_) | Error::Timeout)),
            "{locked:?}"
        );
        let mut asking = std::pin::pin!(file.one("SELECT COUNT(*) FROM t"));
        let waited = tokio::time::timeout(Duration::from_millis(50), &mut asking).await;
        assert!(waited.is_err(), "{waited:?}");
        file.other.execute_batch("COMMIT").expect("no lock");
        assert_shows(asking.await.expect("a row"), Value::Integer(5));
    }

    #[tokio::test]
    async fn a_text_that_is_none_is_refused() {
        let file = File::new().await;
        for text in [
            "SELECT b FROM t",
            "SELECT",
            "SELECT CAST(x'ff' AS TEXT)",
            "DELETE FROM t",
        ] {
            let refused = file.one(text).await;
            assert!(
                matches!(refused, Err(Error::Invalid(_))),
                "{text}: {refused:?}"
            );
        }
        assert_eq!(file.idle(), 1);
    }

    #[tokio::test]
    async fn a_closed_file_answers_nobody() {
        let file = File::new().await;
        file.readers.close().await;
        let refused = file.one("SELECT 7").await;
        assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
        assert_eq!(file.idle(), 0);
    }
}
