//! SQLite's connections that only read: so many, opened as they are needed,
//! each with its own [`Patience`]. sqlx's pool does not say which connection
//! it gives, and so not which statement is to be ended.

use std::time::Instant;

use crossbeam_queue::ArrayQueue;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::Connections;
use super::patience::{Patience, Running};

/// The readers of one grant on one file.
pub(super) struct Readers {
    options: SqliteConnectOptions,
    idle: ArrayQueue<Reader>,
    room: Semaphore,
}

struct Reader {
    connection: SqliteConnection,
    patience: Patience,
}

/// A connection that is in use. Dropping it ends its statement, and the
/// connection with it.
pub(super) struct Taken<'a> {
    running: Running,
    reader: Reader,
    readers: &'a Readers,
    _place: SemaphorePermit<'a>,
}

impl Taken<'_> {
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.reader.connection
    }

    /// Give the connection back, after a statement with this `outcome`.
    pub(super) async fn give_back<T, E>(self, outcome: &Result<T, E>) {
        let Self {
            running,
            mut reader,
            readers,
            _place,
        } = self;
        if outcome.is_ok() {
            running.done();
            return readers.keep(reader);
        }
        // What failed half-way may still run: it ends before the next begins.
        drop(running);
        if reader.connection.ping().await.is_ok() {
            reader.patience.reset();
            readers.keep(reader);
        }
    }
}

impl Readers {
    /// Up to `most` connections, of which the first is opened now.
    pub(super) async fn open(options: SqliteConnectOptions, most: u32) -> sqlx::Result<Self> {
        let most = most.max(1) as usize;
        let readers = Self {
            idle: ArrayQueue::new(most),
            room: Semaphore::new(most),
            options,
        };
        let first = readers.connect().await?;
        readers.keep(first);
        Ok(readers)
    }

    /// Wait for a connection, for a statement that may go on until
    /// `deadline`.
    pub(super) async fn take(&self, deadline: Instant) -> sqlx::Result<Taken<'_>> {
        let place = self.place().await?;
        let reader = match self.idle.pop() {
            Some(reader) => reader,
            None => self.connect().await?,
        };
        Ok(Taken {
            running: reader.patience.begin(deadline),
            reader,
            readers: self,
            _place: place,
        })
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
        while let Some(reader) = self.idle.pop() {
            if let Err(error) = reader.connection.close().await {
                tracing::debug!(%error, "a reader does not close");
            }
        }
    }

    async fn place(&self) -> sqlx::Result<SemaphorePermit<'_>> {
        let place = self.room.acquire().await;
        place.map_err(|_| sqlx::Error::PoolClosed)
    }

    async fn connect(&self) -> sqlx::Result<Reader> {
        let mut connection = self.options.connect().await?;
        let patience = Patience::new();
        patience.watch(&mut connection).await?;
        Ok(Reader {
            connection,
            patience,
        })
    }

    fn keep(&self, reader: Reader) {
        // There is room for as many as there are places.
        let _ = self.idle.push(reader);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sqlx::Row;

    use super::*;

    /// Longer than anybody waits.
    const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
        SELECT COUNT(*) FROM n";

    async fn two() -> Readers {
        let options = SqliteConnectOptions::new().in_memory(true);
        Readers::open(options, 2).await.expect("readers")
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(200)
    }

    /// See `.cargo/config.toml`.
    #[tokio::test]
    async fn no_allocation_of_sqlite_takes_a_lock_of_the_process() {
        let readers = two().await;
        let mut taken = readers.take(soon()).await.expect("a reader");
        let options = sqlx::query_scalar::<_, String>("PRAGMA compile_options")
            .fetch_all(taken.connection())
            .await
            .expect("options");
        let has = |wanted: &str| options.iter().any(|option| option == wanted);
        assert!(has("DEFAULT_MEMSTATUS=0"), "{options:?}");
        assert!(!has("ENABLE_MEMORY_MANAGEMENT"), "{options:?}");
    }

    #[tokio::test]
    async fn a_statement_ends_at_its_deadline() {
        let readers = two().await;
        let mut taken = readers.take(soon()).await.expect("a reader");
        let outcome = sqlx::query(ENDLESS).fetch_one(taken.connection()).await;
        taken.give_back(&outcome).await;
        let error = outcome.expect_err("it was interrupted").to_string();
        assert!(error.contains("interrupted"), "{error}");

        let mut again = readers.take(soon()).await.expect("a reader");
        let outcome = sqlx::query("SELECT 7").fetch_one(again.connection()).await;
        again.give_back(&outcome).await;
        assert_eq!(outcome.expect("a row").get::<i64, _>(0), 7);
        assert_eq!(readers.idle.len(), 1, "the same one");
    }

    #[tokio::test]
    async fn a_statement_that_is_dropped_ends_with_its_connection() {
        let readers = two().await;
        let much_later = Instant::now() + Duration::from_secs(600);
        let mut taken = readers.take(much_later).await.expect("a reader");
        let patience = taken.reader.patience.clone();
        let running = sqlx::query(ENDLESS).fetch_one(taken.connection());
        let waited = tokio::time::timeout(Duration::from_millis(100), running).await;
        assert!(waited.is_err(), "it came to an end");
        drop(taken);
        // The connection's thread has let go of it once it is over.
        let ending = async {
            while patience.watchers() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let ended = tokio::time::timeout(Duration::from_secs(30), ending).await;
        assert!(ended.is_ok(), "the statement goes on");
        assert_eq!(readers.idle.len(), 0);
        readers.take(soon()).await.expect("a new one");
    }
}
