//! A pooled connection in use, whose state decides what happens when it is
//! dropped.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use deadpool::managed::Object;
use sqlx::MySqlConnection;

use super::failed::Failed;
use super::pool::{Pool, PoolConnection, answers, cancel};
use crate::sql::error::mysql::gives_up_connection;

/// Time that an abandoned statement is given to finish by itself. Most do, and
/// cancelling takes a further connection.
const GRACE: Duration = Duration::from_millis(250);

/// Time limit for a connection to become usable again, else it is closed: long
/// enough for the server to end an abandoned statement.
const RETURN: Duration = Duration::from_secs(2);

/// A connection that returns to its pool when dropped, unless it is unusable.
pub(super) struct PooledConnection {
    connection: Option<PoolConnection>,
    pub(super) condition: Condition,
}

/// State of a connection, which determines what happens when it is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    /// The statement finished and its answer was read to the end.
    Sound,
    /// The statement, or reading its answer, was cut off.
    Unknown,
    /// A statement of a transaction was cut off: the statement is cancelled and
    /// the connection closed.
    CutOff,
    /// The connection is broken, or must not be reused.
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
    /// Takes a connection from `pool`.
    pub(super) async fn take(pool: &Pool) -> Result<Self, Failed> {
        let taken = pool.take().await.map_err(Failed::Connect)?;
        Ok(Self {
            connection: Some(taken),
            condition: Condition::Unknown,
        })
    }

    /// Records the state of the connection after `outcome`.
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
            Condition::Unknown => drop(tokio::spawn(close_unless_usable(connection))),
            Condition::CutOff => drop(tokio::spawn(cancel_and_close(connection))),
            Condition::Broken => drop(Object::take(connection)),
        }
    }
}

/// Returns a connection to its pool once it answers again; otherwise closes it,
/// which frees its slot.
async fn close_unless_usable(mut connection: PoolConnection) {
    if !recovers(&mut connection).await {
        drop(Object::take(connection));
    }
}

/// Ends a transaction in which a statement may be running. Without being told,
/// the server would run the statement to its end and hold its locks.
async fn cancel_and_close(mut connection: PoolConnection) {
    recovers(&mut connection).await;
    drop(Object::take(connection));
}

/// Waits until a connection answers, and cancels its statement if that takes
/// long. Returns whether the connection may be used again.
///
/// One ping is sent, however long its answer takes: of a ping that was given up,
/// the answer would be read as that of the next statement. And a cancellation is
/// waited for, or it would end the next statement.
async fn recovers(connection: &mut PoolConnection) -> bool {
    let cancelling = cancel(connection);
    let answering = answers(connection, RETURN);
    tokio::pin!(answering);
    if let Ok(is_usable) = tokio::time::timeout(GRACE, &mut answering).await {
        return is_usable;
    }
    let cancelling = tokio::time::timeout(RETURN, cancelling);
    let (is_usable, cancelled) = tokio::join!(answering, cancelling);
    match cancelled {
        Ok(Ok(())) => is_usable,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a statement was not cancelled");
            false
        }
        Err(_) => {
            tracing::debug!("a statement was not cancelled in time");
            false
        }
    }
}
