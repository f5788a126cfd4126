//! A pool's connection while it is in use, and a transaction on one.
//!
//! sqlx asks every connection that comes back whether it still lives, and
//! waits for the answer for ever: one that leads nowhere would keep its place
//! in the pool until the kernel gives up on it, after many minutes. Here that
//! is bounded.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use futures_util::FutureExt;
use sqlx::pool::PoolConnection;
use sqlx::{MySql, MySqlConnection, MySqlPool};

use super::error::trouble;
use super::health::Failed;

/// How long a connection may take to come to its senses: long enough for the
/// server to end a statement for which nobody waits any more.
const RETURN: Duration = Duration::from_secs(2);

/// A connection that goes back to its pool when it is dropped, unless it is
/// of no use any more.
pub(super) struct Lent {
    connection: PoolConnection<MySql>,
    is_useless: bool,
}

impl Lent {
    /// Take a connection out of `pool`.
    pub(super) async fn take(pool: &MySqlPool) -> sqlx::Result<Self> {
        Ok(Self {
            connection: pool.acquire().boxed().await?,
            is_useless: false,
        })
    }

    /// Note what an `outcome` says about the connection.
    pub(super) fn note<T>(&mut self, outcome: &Result<T, Failed>) {
        if let Err(Failed::Driver(error)) = outcome
            && trouble(error).is_some()
        {
            self.is_useless = true;
        }
    }
}

impl Deref for Lent {
    type Target = MySqlConnection;

    fn deref(&self) -> &MySqlConnection {
        &self.connection
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut MySqlConnection {
        &mut self.connection
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if self.is_useless {
            return self.connection.close_on_drop();
        }
        let returning = self.connection.return_to_pool();
        // Too late, it is closed, and its place is free.
        tokio::spawn(tokio::time::timeout(RETURN, returning));
    }
}

/// An open transaction. Dropped, it closes the connection, and the server
/// undoes the changes: whatever was cut off half-way, nobody else gets it.
pub(super) struct MySqlTransaction {
    lent: Lent,
}

impl MySqlTransaction {
    pub(super) async fn begin(pool: &MySqlPool) -> sqlx::Result<Self> {
        let mut lent = Lent::take(pool).await?;
        lent.is_useless = true;
        sqlx::raw_sql("BEGIN").execute(&mut *lent).await?;
        Ok(Self { lent })
    }

    pub(super) fn connection(&mut self) -> &mut MySqlConnection {
        &mut self.lent
    }

    pub(super) async fn commit(self) -> sqlx::Result<()> {
        self.end("COMMIT").await
    }

    pub(super) async fn rollback(self) -> sqlx::Result<()> {
        self.end("ROLLBACK").await
    }

    async fn end(mut self, statement: &'static str) -> sqlx::Result<()> {
        sqlx::raw_sql(statement).execute(&mut *self.lent).await?;
        self.lent.is_useless = false;
        Ok(())
    }
}
