//! A pool's connection while it is in use, and a transaction on one.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use deadpool::managed::Object;
use sqlx::MySqlConnection;

use super::error::{ends_transaction, gives_up_connection};
use super::health::Failed;
use super::pool::{Pool, PoolConnection, answers, cancel};
use crate::sql::Error;

/// How long a statement that was cut off may still take by itself: most are
/// done soon, and cancelling takes a connection more.
const GRACE: Duration = Duration::from_millis(250);

/// How long a connection may take to come to its senses: long enough for the
/// server to end a statement for which nobody waits any more.
const RETURN: Duration = Duration::from_secs(2);

/// A connection that goes back to its pool when it is dropped, unless it is
/// of no use any more.
pub(super) struct PooledConnection {
    connection: Option<PoolConnection>,
    condition: Condition,
}

/// What is known of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    /// Its statement came to an end, and all of the answer was read.
    Sound,
    /// Its statement was cut off, or its answer was.
    Unknown,
    /// A statement of its transaction was cut off: both are to end.
    CutOff,
    /// It leads nowhere, or somewhere it should not.
    Broken,
}

impl Condition {
    fn after<T>(outcome: &Result<T, Failed>) -> Self {
        match outcome {
            Ok(_) => Self::Sound,
            Err(Failed::Driver(error)) if gives_up_connection(error) => Self::Broken,
            Err(Failed::Driver(sqlx::Error::Database(_))) => Self::Sound,
            Err(_) => Self::Unknown,
        }
    }
}

impl PooledConnection {
    /// Take a connection out of `pool`.
    pub(super) async fn take(pool: &Pool) -> Result<Self, Failed> {
        let taken = pool.take().await.map_err(Failed::Connect)?;
        Ok(Self {
            connection: Some(taken),
            condition: Condition::Unknown,
        })
    }

    /// Note what an `outcome` says about the connection.
    pub(super) fn note<T>(&mut self, outcome: &Result<T, Failed>) {
        self.condition = Condition::after(outcome);
    }
}

#[expect(clippy::expect_used, reason = "only dropping it takes it away")]
impl Deref for PooledConnection {
    type Target = MySqlConnection;

    fn deref(&self) -> &MySqlConnection {
        self.connection.as_ref().expect("a connection")
    }
}

#[expect(clippy::expect_used, reason = "only dropping it takes it away")]
impl DerefMut for PooledConnection {
    fn deref_mut(&mut self) -> &mut MySqlConnection {
        self.connection.as_mut().expect("a connection")
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        match self.condition {
            Condition::Sound => drop(connection),
            Condition::Unknown => drop(tokio::spawn(settle(connection))),
            Condition::CutOff => drop(tokio::spawn(end(connection))),
            Condition::Broken => drop(Object::take(connection)),
        }
    }
}

/// Give a connection back once it answers again; otherwise it is closed, and
/// its place is free.
async fn settle(mut connection: PoolConnection) {
    if answers(&mut connection, GRACE).await {
        return;
    }
    cancel_in_time(&connection).await;
    if !answers(&mut connection, RETURN).await {
        drop(Object::take(connection));
    }
}

/// Ends a transaction in which a statement may be running: a server that is not
/// told would do it to its end, and hold its locks.
async fn end(mut connection: PoolConnection) {
    if !answers(&mut connection, GRACE).await {
        cancel_in_time(&connection).await;
    }
    drop(Object::take(connection));
}

async fn cancel_in_time(connection: &PoolConnection) {
    match tokio::time::timeout(RETURN, cancel(connection)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a statement was not cancelled"),
        Err(_) => tracing::debug!("a statement was not cancelled in time"),
    }
}

/// An open transaction. Dropped, it closes the connection, and the server
/// undoes the changes: whatever was cut off half-way, nobody else gets it.
pub(super) struct MySqlTransaction {
    pooled: PooledConnection,
    /// Whether the server may have undone it by itself.
    is_over: bool,
}

impl MySqlTransaction {
    pub(super) async fn begin(pool: &Pool) -> Result<Self, Failed> {
        let mut pooled = PooledConnection::take(pool).await?;
        pooled.condition = Condition::Broken;
        sqlx::raw_sql("BEGIN").execute(&mut *pooled).await?;
        Ok(Self {
            pooled,
            is_over: false,
        })
    }

    /// Returns its connection for a statement, while it is open: what came
    /// after would stand alone. [`note`](Self::note) is told how that ends.
    pub(super) fn connection(&mut self) -> Result<&mut MySqlConnection, Failed> {
        self.check_open()?;
        self.pooled.condition = Condition::CutOff;
        Ok(&mut self.pooled)
    }

    fn check_open(&self) -> Result<(), Failed> {
        match self.is_over {
            false => Ok(()),
            true => Err(Failed::Call(Error::Unavailable(
                "the transaction has ended".to_owned(),
            ))),
        }
    }

    /// Notes what an `outcome` says about the transaction.
    pub(super) fn note<T>(&mut self, outcome: &Result<T, Failed>) {
        self.pooled.condition = Condition::Broken;
        self.is_over |= matches!(outcome, Err(Failed::Driver(error)) if ends_transaction(error));
    }

    pub(super) async fn commit(self) -> Result<(), Failed> {
        self.check_open()?;
        self.end("COMMIT").await
    }

    pub(super) async fn rollback(self) -> Result<(), Failed> {
        self.end("ROLLBACK").await
    }

    async fn end(mut self, statement: &'static str) -> Result<(), Failed> {
        sqlx::raw_sql(statement).execute(&mut *self.pooled).await?;
        self.pooled.condition = Condition::Sound;
        Ok(())
    }
}
