//! A pool's connection while it is in use, and a transaction on one.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use deadpool::managed::Object;
use sqlx::MySqlConnection;

use super::error::{ends_transaction, gives_up_connection};
use super::health::Failed;
use super::pool::{Pool, PoolConnection, answers};
use crate::bindings::sql::Error;

/// How long a connection may take to come to its senses: long enough for the
/// server to end a statement for which nobody waits any more.
const RETURN: Duration = Duration::from_secs(2);

/// A connection that goes back to its pool when it is dropped, unless it is
/// of no use any more.
pub(super) struct Lent {
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
    /// It leads nowhere, or somewhere it should not.
    Useless,
}

impl Condition {
    fn after<T>(outcome: &Result<T, Failed>) -> Self {
        match outcome {
            Ok(_) => Self::Sound,
            Err(Failed::Driver(error)) if gives_up_connection(error) => Self::Useless,
            Err(Failed::Driver(sqlx::Error::Database(_))) => Self::Sound,
            Err(_) => Self::Unknown,
        }
    }
}

impl Lent {
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
impl Deref for Lent {
    type Target = MySqlConnection;

    fn deref(&self) -> &MySqlConnection {
        self.connection.as_ref().expect("a connection")
    }
}

#[expect(clippy::expect_used, reason = "only dropping it takes it away")]
impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut MySqlConnection {
        self.connection.as_mut().expect("a connection")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        match self.condition {
            Condition::Sound => drop(connection),
            Condition::Unknown => drop(tokio::spawn(settle(connection))),
            Condition::Useless => drop(Object::take(connection)),
        }
    }
}

/// Give a connection back once it answers again; otherwise it is closed, and
/// its place is free.
async fn settle(mut connection: PoolConnection) {
    if !answers(&mut connection, RETURN).await {
        drop(Object::take(connection));
    }
}

/// An open transaction. Dropped, it closes the connection, and the server
/// undoes the changes: whatever was cut off half-way, nobody else gets it.
pub(super) struct MySqlTransaction {
    lent: Lent,
    /// Whether the server may have undone it by itself.
    is_over: bool,
}

impl MySqlTransaction {
    pub(super) async fn begin(pool: &Pool) -> Result<Self, Failed> {
        let mut lent = Lent::take(pool).await?;
        lent.condition = Condition::Useless;
        sqlx::raw_sql("BEGIN").execute(&mut *lent).await?;
        Ok(Self {
            lent,
            is_over: false,
        })
    }

    /// Returns its connection, while it is open: what came after would stand
    /// alone.
    pub(super) fn connection(&mut self) -> Result<&mut MySqlConnection, Failed> {
        match self.is_over {
            false => Ok(&mut self.lent),
            true => Err(Failed::Call(Error::Unavailable(
                "the transaction has ended".to_owned(),
            ))),
        }
    }

    /// Notes what an `outcome` says about the transaction.
    pub(super) fn note<T>(&mut self, outcome: &Result<T, Failed>) {
        self.is_over |= matches!(outcome, Err(Failed::Driver(error)) if ends_transaction(error));
    }

    pub(super) async fn commit(mut self) -> Result<(), Failed> {
        self.connection()?;
        self.end("COMMIT").await
    }

    pub(super) async fn rollback(self) -> Result<(), Failed> {
        self.end("ROLLBACK").await
    }

    async fn end(mut self, statement: &'static str) -> Result<(), Failed> {
        sqlx::raw_sql(statement).execute(&mut *self.lent).await?;
        self.lent.condition = Condition::Sound;
        Ok(())
    }
}
