//! Pool of SQLite connections that only read, opened on demand.
//!
//! A statement first runs on the calling thread: most finish within tens of
//! microseconds, less than it takes to wake another thread for them, and the
//! caller for their rows, as sqlx does. A statement that does not finish soon
//! is interrupted there and begins again on a blocking thread, which is safe
//! since reading twice changes nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_queue::ArrayQueue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::connection::{GuestConnection, Mode, busy_timeout};
use super::failure::{Failure, panicked};
use super::statement::Statement;
use crate::sql::guard::TableGrant;
use crate::sql::rows::Form;
use crate::sql::{CallLimits, Connections, Error, Result, Rows, Value};

/// Time that a statement may occupy the calling thread: as long as a guest may
/// compute there without yielding.
const SOON: Duration = Duration::from_millis(2);

/// The reading connections of one grant to one file.
pub(super) struct Readers {
    file: PathBuf,
    grant: Arc<TableGrant>,
    idle: ArrayQueue<GuestConnection>,
    permits: Arc<Semaphore>,
}

/// A connection in use. It is closed unless it is given back.
struct Reader {
    connection: GuestConnection,
    _permit: OwnedSemaphorePermit,
}

/// A query and the limits of its result.
struct PendingQuery {
    statement: Statement,
    limits: CallLimits,
}

type Asked<T> = std::result::Result<T, Failure>;

impl Readers {
    /// Creates a pool of at most `most` connections to an existing file, and
    /// opens the first.
    pub(super) async fn open(file: &Path, grant: Arc<TableGrant>, most: u32) -> Asked<Arc<Self>> {
        let most = most.max(1) as usize;
        let readers = Self {
            file: file.to_owned(),
            grant,
            idle: ArrayQueue::new(most),
            permits: Arc::new(Semaphore::new(most)),
        };
        let readers = Arc::new(readers);
        let first = readers.take().await?;
        readers.give_back(first);
        Ok(readers)
    }

    /// Runs a SELECT until `deadline`. Dropping the future interrupts it.
    pub(super) async fn query<F: Form>(
        self: &Arc<Self>,
        text: &Arc<str>,
        parameters: Vec<Value>,
        limits: CallLimits,
        deadline: Instant,
    ) -> Result<F> {
        let reader = self.take().await.map_err(Failure::typed)?;
        let query = PendingQuery {
            statement: Statement::new(text, parameters),
            limits,
        };
        let soon = deadline.min(Instant::now() + SOON);
        let rows = query.ask(&reader, Duration::ZERO, move || Instant::now() >= soon);
        let rows = match rows {
            Err(failed) if failed.needs_blocking_thread() && Instant::now() < deadline => {
                self.take_time(query, reader, deadline).await
            }
            rows => {
                self.give_back(reader);
                rows
            }
        };
        rows.map_err(Failure::typed)
    }

    /// Runs the query again on a blocking thread, until `deadline`.
    async fn take_time<F: Form>(
        self: &Arc<Self>,
        query: PendingQuery,
        reader: Reader,
        deadline: Instant,
    ) -> Asked<F> {
        let left = CancellationToken::new();
        let _leaving = left.clone().drop_guard();
        let readers = self.clone();
        let asking = spawn_blocking(move || {
            let is_over = move || left.is_cancelled() || Instant::now() >= deadline;
            let rows = query.ask(&reader, busy_timeout(deadline), is_over);
            readers.give_back(reader);
            rows
        });
        asking.await.unwrap_or_else(|panic| Err(panicked(&panic)))
    }

    /// Checks that the file can be read.
    pub(super) async fn ping(self: &Arc<Self>, deadline: Instant) -> Result<()> {
        const LIMITS: CallLimits = CallLimits {
            rows: 1,
            bytes: 1024,
        };
        let text = "SELECT 1".into();
        let asked = self.query::<Rows>(&text, Vec::new(), LIMITS, deadline);
        asked.await.map(|_| ())
    }

    /// Returns the numbers of connections. Waiting requests are not counted.
    pub(super) fn connections(&self) -> Connections {
        let most = self.idle.capacity();
        Connections {
            used: most.saturating_sub(self.permits.available_permits()),
            idle: self.idle.len(),
            waiting: 0,
            most,
        }
    }

    /// Closes the connections once running statements have finished.
    pub(super) async fn close(&self) {
        let all = u32::try_from(self.idle.capacity()).unwrap_or(u32::MAX);
        let all_permits = self.permits.acquire_many(all).await;
        self.permits.close();
        drop(all_permits);
        while let Some(connection) = self.idle.pop() {
            connection.close();
        }
    }

    async fn take(&self) -> Asked<Reader> {
        let permit = self.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|_| Error::Unavailable("the database is closed".to_owned()))?;
        let connection = match self.idle.pop() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        Ok(Reader {
            connection,
            _permit: permit,
        })
    }

    async fn connect(&self) -> Asked<GuestConnection> {
        let (file, grant) = (self.file.clone(), self.grant.clone());
        let opening = spawn_blocking(move || GuestConnection::open(&file, grant, Mode::Read));
        opening.await.unwrap_or_else(|panic| Err(panicked(&panic)))
    }

    fn give_back(&self, reader: Reader) {
        // The queue has the capacity for all connections that permits allow.
        let _ = self.idle.push(reader.connection);
    }
}

impl PendingQuery {
    /// Runs the query on `reader` until `is_over` returns true.
    fn ask<F: Form>(
        &self,
        reader: &Reader,
        busy_timeout: Duration,
        is_over: impl FnMut() -> bool + Send + 'static,
    ) -> Asked<F> {
        let Reader { connection, .. } = reader;
        connection.bound(busy_timeout, is_over)?;
        self.statement.query(connection, self.limits)
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    /// A query that runs for longer than any test waits.
    const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
        SELECT COUNT(*) FROM n";

    /// A query that runs for longer than [`SOON`].
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
                readers: Readers::open(&file, grant(), 2).await.expect("readers"),
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

        /// Checks that the single reader was returned to the pool, and works.
        async fn assert_answers(&self) {
            assert_shows(
                self.one("SELECT 7").await.expect("a row"),
                Value::Integer(7),
            );
            assert_eq!(self.idle(), 1, "another one");
        }
    }

    /// Returns a grant to read the table that every test file has.
    fn grant() -> Arc<TableGrant> {
        Arc::new(TableGrant {
            read: ["t".to_owned()].into(),
            write: Default::default(),
        })
    }

    /// Compares values by their debug output, since they have no equality.
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

    /// The compile options are set in `.cargo/config.toml`.
    #[tokio::test]
    async fn no_allocation_of_sqlite_takes_a_lock_of_the_process() {
        let file = File::new().await;
        let mut options = file.other.prepare("PRAGMA compile_options").expect("SQL");
        let options = options.query_map([], |row| row.get::<_, String>(0));
        let options: Vec<_> = options
            .expect("options")
            .filter_map(|row| row.ok())
            .collect();
        let has = |wanted: &str| options.iter().any(|option| option == wanted);
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
        for text in ["SELECT b FROM t", "SELECT"] {
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
