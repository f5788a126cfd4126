//! A transaction on a pooled connection.

use sqlx::MySqlConnection;

use super::failed::Failed;
use super::pool::Pool;
use super::pooled_connection::{Condition, PooledConnection};
use crate::sql::Error;
use crate::sql::error::mysql::ends_transaction;

/// An open transaction. Dropping it closes the connection, so that the server
/// rolls back and no other request gets a connection in an unknown state.
pub(in crate::sql) struct MySqlTransaction {
    pooled: PooledConnection,
    /// True if the server may have rolled the transaction back by itself.
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

    /// Returns the connection for a statement, while the transaction is open: a
    /// statement after its end would be committed by itself. The caller passes
    /// the outcome to [`note`](Self::note).
    ///
    /// # Errors
    /// When the transaction has ended.
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

    /// Records the state of the transaction after `outcome`.
    pub(super) fn note<T>(&mut self, outcome: &Result<T, Failed>) {
        self.pooled.condition = Condition::Broken;
        self.is_over |= matches!(outcome, Err(Failed::Driver(error)) if ends_transaction(error));
    }

    pub(in crate::sql) async fn commit(self) -> Result<(), Failed> {
        self.check_open()?;
        self.end("COMMIT").await
    }

    pub(in crate::sql) async fn rollback(self) -> Result<(), Failed> {
        self.end("ROLLBACK").await
    }

    async fn end(mut self, statement: &'static str) -> Result<(), Failed> {
        sqlx::raw_sql(statement).execute(&mut *self.pooled).await?;
        self.pooled.condition = Condition::Sound;
        Ok(())
    }
}
