//! SQLite connections that write: one for each grant on a file. Only one writes
//! at a time, since a file takes one writer.
//!
//! A change runs on a blocking thread, where it may wait for the disk. Dropping
//! the future that waits for it interrupts the statement, and an open
//! transaction is rolled back before the connection is used again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::connection::{GuestConnection, Mode, busy_timeout};
use super::failure::{Failure, panicked};
use super::file_watch::FileWatch;
use super::statement::Statement;
use crate::lock::lock;
use crate::refusals::Refusals;
use crate::sql::error::sqlite::{is_locked, refusal_code};
use crate::sql::guard::TableGrant;
use crate::sql::retry::retry_on_conflict;
use crate::sql::rows::Form;
use crate::sql::versions::PendingChanges;
use crate::sql::{CallLimits, Error, Outcome, Result, Value};

type Done<T> = std::result::Result<T, Failure>;

/// What all connections to one file share, for each file.
#[derive(Default)]
pub(in crate::sql) struct WriterPermits(Mutex<HashMap<PathBuf, SharedFile>>);

/// What all connections to one file share.
#[derive(Clone)]
pub(super) struct SharedFile {
    /// One permit, which allows writing. Waiters get it in order, whereas SQLite waits for a file's
    /// lock by polling.
    permit: Arc<Semaphore>,
    watch: Arc<FileWatch>,
}

impl WriterPermits {
    pub(super) fn of(&self, file: &Path) -> SharedFile {
        let mut files = lock(&self.0);
        let shared = files.entry(file.to_owned());
        shared
            .or_insert_with(|| SharedFile {
                permit: Arc::new(Semaphore::new(1)),
                watch: Arc::new(FileWatch::new(file)),
            })
            .clone()
    }
}

/// The connection of one grant that writes to a file.
pub(super) struct Writer {
    file: PathBuf,
    grant: Arc<TableGrant>,
    shared: SharedFile,
    idle: Mutex<Idle>,
    refusals: Refusals,
}

/// State of the writing connection between two uses.
enum Idle {
    Open(Box<GuestConnection>),
    /// In use, or closed because it was unusable.
    None,
    Closed,
}

impl Writer {
    /// Opens the connection, and creates the file if it is absent.
    pub(super) async fn open(
        file: &Path,
        grant: Arc<TableGrant>,
        shared: SharedFile,
    ) -> Done<Arc<Self>> {
        let writer = Arc::new(Self {
            file: file.to_owned(),
            grant,
            shared,
            idle: Mutex::new(Idle::None),
            refusals: Refusals::new(format!("the database {}", file.display())),
        });
        let first = writer.connect().await?;
        writer.put(Idle::Open(Box::new(first)));
        Ok(writer)
    }

    /// Returns the path of the file.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    pub(super) fn watch(&self) -> &Arc<FileWatch> {
        &self.shared.watch
    }

    /// Returns the record of changes that the file refused.
    pub(super) fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// Runs a change in a transaction of its own, and retries it if another
    /// process held the lock.
    pub(super) async fn execute(
        self: &Arc<Self>,
        text: &Arc<str>,
        parameters: Vec<Value>,
        changes: &Arc<PendingChanges>,
        deadline: Instant,
    ) -> Result<Outcome> {
        let statement = Arc::new(Statement::new(text, parameters));
        let change = || async {
            let (statement, changes) = (statement.clone(), changes.clone());
            let held = self.take().await?;
            let work = move |connection: &GuestConnection| {
                // Dropped after the statement, which may end after its caller has left.
                let _changes = changes;
                statement.execute(connection)
            };
            held.run(deadline, work).await.1
        };
        let done = retry_on_conflict(change, is_contention).await;
        let outcome = done.map_err(|failure| self.typed(failure))?;
        if outcome.rows_affected > 0 {
            self.refusals.succeeded();
        }
        Ok(outcome)
    }

    /// Begins a transaction, which takes the file's lock at once.
    pub(super) async fn begin(self: &Arc<Self>, deadline: Instant) -> Result<SqliteTransaction> {
        let held = self.take().await;
        let held = held.map_err(|failure| self.typed(failure))?;
        let begin = |connection: &GuestConnection| execute_as_host(connection, "BEGIN IMMEDIATE");
        match held.run(deadline, begin).await {
            (Some(held), Ok(())) => Ok(SqliteTransaction {
                held: Some(held),
                has_changes: false,
            }),
            (_, Err(failure)) => Err(self.typed(failure)),
            (None, Ok(())) => Err(unknown_state()),
        }
    }

    /// Runs a statement of the host itself.
    pub(super) async fn execute_as_host(self: &Arc<Self>, text: String) -> Result<()> {
        let done = self.run_as_host(move |connection| execute_as_host(connection, &text));
        done.await.map_err(|failure| self.typed(failure))
    }

    /// Converts the failure of a change to an error for the plugin, and records
    /// it if the file refuses changes.
    fn typed(&self, failure: Failure) -> Error {
        if let Failure::Sqlite(error) = &failure
            && let Some(code) = refusal_code(error)
        {
            self.refusals.refused(&code.to_string(), error);
        }
        failure.typed()
    }

    /// Runs `work` as the host, without a time limit.
    pub(super) async fn run_as_host<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&GuestConnection) -> Done<T> + Send + 'static,
    ) -> Done<T> {
        let held = self.take().await?;
        let working = spawn_blocking(move || {
            held.connection()?.unbound()?;
            work(held.connection()?)
        });
        working.await.unwrap_or_else(|panic| Err(panicked(&panic)))
    }

    /// Closes the connection, once its statement has finished.
    pub(super) async fn close(&self) {
        let permit = self.shared.permit.acquire().await;
        self.put(Idle::Closed);
        drop(permit);
    }

    async fn take(self: &Arc<Self>) -> Done<Held> {
        let closed = || Error::Unavailable("the database is closed".to_owned());
        let permit = self.shared.permit.clone().acquire_owned().await;
        let permit = permit.map_err(|_| closed())?;
        let idle = std::mem::replace(&mut *lock(&self.idle), Idle::None);
        let connection = match idle {
            Idle::Open(connection) => *connection,
            Idle::None => self.connect().await?,
            Idle::Closed => {
                self.put(Idle::Closed);
                return Err(closed().into());
            }
        };
        self.shared.watch.begin_write(&connection);
        Ok(Held {
            connection: Some(connection),
            writer: self.clone(),
            _permit: permit,
        })
    }

    async fn connect(&self) -> Done<GuestConnection> {
        let (file, grant) = (self.file.clone(), self.grant.clone());
        let opening = spawn_blocking(move || GuestConnection::open(&file, grant, Mode::Write));
        opening.await.unwrap_or_else(|panic| Err(panicked(&panic)))
    }

    fn put(&self, idle: Idle) {
        let mut place = lock(&self.idle);
        let before = std::mem::replace(&mut *place, idle);
        if let Idle::Open(connection) = before {
            connection.close();
        }
    }
}

/// The permit to write, with the connection. Dropping it rolls an open
/// transaction back, and lets the next waiter write.
struct Held {
    connection: Option<GuestConnection>,
    writer: Arc<Writer>,
    _permit: OwnedSemaphorePermit,
}

impl Held {
    fn connection(&self) -> Done<&GuestConnection> {
        self.connection
            .as_ref()
            .ok_or_else(|| unknown_state().into())
    }

    /// Runs `work` until `deadline`, or until the future is dropped. The permit
    /// is returned unless the thread panicked.
    async fn run<T: Send + 'static>(
        self,
        deadline: Instant,
        work: impl FnOnce(&GuestConnection) -> Done<T> + Send + 'static,
    ) -> (Option<Self>, Done<T>) {
        let left = CancellationToken::new();
        let _leaving = left.clone().drop_guard();
        let working = spawn_blocking(move || {
            let is_over = move || left.is_cancelled() || Instant::now() >= deadline;
            let done = self.connection().and_then(|connection| {
                connection.bound(busy_timeout(deadline), is_over)?;
                work(connection)
            });
            (self, done)
        });
        match working.await {
            Ok((held, done)) => (Some(held), done),
            Err(panic) => (None, Err(panicked(&panic))),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            self.writer.shared.watch.end_write(None);
            return;
        };
        let settled = connection.unbound().and_then(|()| {
            if connection.is_autocommit() {
                return Ok(());
            }
            execute_as_host(&connection, "ROLLBACK")
        });
        self.writer.shared.watch.end_write(Some(&connection));
        match settled {
            Ok(()) => self.writer.put(Idle::Open(Box::new(connection))),
            Err(error) => {
                tracing::warn!(%error, "a transaction is not rolled back; its connection is closed");
                connection.close();
            }
        }
    }
}

/// An open transaction. Dropping it rolls it back.
pub(in crate::sql) struct SqliteTransaction {
    /// `None` after a call that was cut off, which rolled the transaction back.
    held: Option<Held>,
    /// True if a statement has changed any row.
    has_changes: bool,
}

impl SqliteTransaction {
    /// Runs a query in the transaction.
    pub(in crate::sql) async fn query<F: Form>(
        &mut self,
        text: &Arc<str>,
        parameters: Vec<Value>,
        limits: CallLimits,
        deadline: Instant,
    ) -> Result<F> {
        let statement = Statement::new(text, parameters);
        let ask = move |connection: &GuestConnection| statement.query(connection, limits);
        self.run(deadline, ask).await
    }

    /// Runs an INSERT, UPDATE or DELETE in the transaction.
    pub(in crate::sql) async fn execute(
        &mut self,
        text: &Arc<str>,
        parameters: Vec<Value>,
        deadline: Instant,
    ) -> Result<Outcome> {
        let statement = Statement::new(text, parameters);
        let change = move |connection: &GuestConnection| statement.execute(connection);
        let outcome = self.run(deadline, change).await?;
        self.has_changes |= outcome.rows_affected > 0;
        Ok(outcome)
    }

    /// Commits the transaction with its `changes`.
    pub(in crate::sql) async fn commit(
        mut self,
        changes: &Arc<PendingChanges>,
        deadline: Instant,
    ) -> Result<()> {
        let changes = changes.clone();
        let commit = move |connection: &GuestConnection| {
            // Dropped after the commit, which may end after its caller has left.
            let _changes = changes;
            execute_as_host(connection, "COMMIT")
        };
        self.run(deadline, commit).await?;
        if let Some(held) = self.held.as_ref().filter(|_| self.has_changes) {
            held.writer.refusals.succeeded();
        }
        Ok(())
    }

    /// Rolls the transaction back.
    pub(in crate::sql) async fn rollback(mut self, deadline: Instant) -> Result<()> {
        let rollback = |connection: &GuestConnection| execute_as_host(connection, "ROLLBACK");
        self.run(deadline, rollback).await
    }

    async fn run<T: Send + 'static>(
        &mut self,
        deadline: Instant,
        work: impl FnOnce(&GuestConnection) -> Done<T> + Send + 'static,
    ) -> Result<T> {
        let held = self.held.take().ok_or_else(unknown_state)?;
        // SQLite ends a transaction by itself after some errors, and a further
        // statement would be committed by itself.
        let in_transaction = move |connection: &GuestConnection| {
            if connection.is_autocommit() {
                return Err(unknown_state().into());
            }
            work(connection)
        };
        let writer = held.writer.clone();
        let (held, done) = held.run(deadline, in_transaction).await;
        self.held = held;
        done.map_err(|failure| writer.typed(failure))
    }
}

fn execute_as_host(connection: &GuestConnection, text: &str) -> Done<()> {
    connection.as_host(|connection| Ok(connection.execute_batch(text)?))
}

fn unknown_state() -> Error {
    Error::Unavailable("the transaction has ended".to_owned())
}

/// Returns whether another process held the lock.
fn is_contention(failure: &Failure) -> bool {
    matches!(failure, Failure::Sqlite(error) if is_locked(error))
}
