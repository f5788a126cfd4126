//! The calls of one grant to a MySQL server, each within its deadline.

use std::sync::Arc;
use std::time::Instant;

use deadpool::managed::Object;
use futures_util::FutureExt;
use sqlx::mysql::MySqlArguments;
use sqlx::{Connection, MySqlConnection};

use super::failed::Failed;
use super::health::Health;
use super::pool::Pool;
use super::pooled_connection::PooledConnection;
use super::server::Server;
use super::statement::{bind, execute, query};
use super::transaction::MySqlTransaction;
use crate::sql::error::mysql::{is_broken, is_contention};
use crate::sql::retry::retry_on_conflict;
use crate::sql::rows::Form;
use crate::sql::{CallLimits, Outcome, Result, Value};

/// The pool of one grant, with the kind and health of its server.
#[derive(Clone)]
pub(in crate::sql) struct MySqlDatabase {
    pub(in crate::sql) pool: Pool,
    pub(in crate::sql) server: Server,
    pub(in crate::sql) health: Arc<Health>,
}

impl MySqlDatabase {
    /// Takes a connection out of the pool for good, and removes the time limit
    /// of its statements.
    pub(in crate::sql) async fn unbounded(&self) -> sqlx::Result<MySqlConnection> {
        let mut connection = Object::take(self.pool.take().await?).into_inner();
        self.server.remove_timeout(&mut connection).await?;
        Ok(connection)
    }

    /// Runs a query whose text the guard has checked. If the connection broke,
    /// the query is repeated once on a new connection, which is safe since it
    /// changes nothing.
    pub(in crate::sql) async fn query<F: Form>(
        &self,
        text: &Arc<str>,
        parameters: &[Value],
        limits: CallLimits,
        deadline: Instant,
    ) -> Result<F> {
        let text = self.server.with_timeout(text, deadline);
        let asking = async {
            match self.ask(&text, bind(parameters)?, limits).await {
                Err(Failed::Driver(error) | Failed::Connect(error)) if is_broken(&error) => {
                    self.health.invalidate();
                    self.ask(&text, bind(parameters)?, limits).await
                }
                outcome => outcome,
            }
        };
        self.health.call(deadline, asking.boxed()).await
    }

    async fn ask<F: Form>(
        &self,
        text: &Arc<str>,
        arguments: MySqlArguments,
        limits: CallLimits,
    ) -> std::result::Result<F, Failed> {
        let mut pooled = PooledConnection::take(&self.pool).await?;
        let rows = query(&mut pooled, text, arguments, limits).await;
        pooled.note(&rows);
        rows
    }

    /// Runs a change whose text the guard has checked, in a transaction of its
    /// own, and retries it if it loses against a concurrent one.
    pub(in crate::sql) async fn execute(
        &self,
        text: &Arc<str>,
        parameters: &[Value],
        deadline: Instant,
    ) -> Result<Outcome> {
        let text = self.server.with_timeout(text, deadline);
        let changing = async {
            let change = || async {
                let arguments = bind(parameters)?;
                let mut pooled = PooledConnection::take(&self.pool).await?;
                let done = execute(&mut pooled, &text, arguments).await;
                pooled.note(&done);
                done
            };
            retry_on_conflict(change, |failed| match failed {
                Failed::Driver(error) => is_contention(error),
                Failed::Connect(_) | Failed::Call(_) => false,
            })
            .await
        };
        self.health.call(deadline, changing.boxed()).await
    }

    /// Begins a transaction. If the connection broke, another is taken, since
    /// nothing was done yet.
    pub(in crate::sql) async fn begin(&self, deadline: Instant) -> Result<MySqlTransaction> {
        let beginning = async {
            match MySqlTransaction::begin(&self.pool).await {
                Err(Failed::Driver(error) | Failed::Connect(error)) if is_broken(&error) => {
                    self.health.invalidate();
                    MySqlTransaction::begin(&self.pool).await
                }
                begun => begun,
            }
        };
        self.health.call(deadline, beginning.boxed()).await
    }

    /// Runs a query in a transaction.
    pub(in crate::sql) async fn query_in<F: Form>(
        &self,
        transaction: &mut MySqlTransaction,
        text: &Arc<str>,
        parameters: &[Value],
        limits: CallLimits,
        deadline: Instant,
    ) -> Result<F> {
        let text = self.server.with_timeout(text, deadline);
        let asking = async {
            let arguments = bind(parameters)?;
            let rows = query(transaction.connection()?, &text, arguments, limits).await;
            transaction.note(&rows);
            rows
        };
        self.health.watch(deadline, asking.boxed()).await
    }

    /// Runs an INSERT, UPDATE or DELETE in a transaction.
    pub(in crate::sql) async fn execute_in(
        &self,
        transaction: &mut MySqlTransaction,
        text: &Arc<str>,
        parameters: &[Value],
        deadline: Instant,
    ) -> Result<Outcome> {
        let text = self.server.with_timeout(text, deadline);
        let changing = async {
            let arguments = bind(parameters)?;
            let done = execute(transaction.connection()?, &text, arguments).await;
            transaction.note(&done);
            done
        };
        self.health.watch(deadline, changing.boxed()).await
    }

    /// Ends a transaction by running `ending`, a commit or a rollback.
    pub(in crate::sql) async fn end(
        &self,
        ending: impl Future<Output = std::result::Result<(), Failed>> + Send,
        deadline: Instant,
    ) -> Result<()> {
        self.health.watch(deadline, ending.boxed()).await
    }

    /// Returns the server's `max_connections`, which all of its clients share.
    pub(in crate::sql) async fn max_connections(&self, deadline: Instant) -> Result<u64> {
        let asking = async {
            let mut pooled = PooledConnection::take(&self.pool).await?;
            let text = "SELECT CAST(@@max_connections AS SIGNED)";
            let most = sqlx::query_scalar::<_, i64>(text).fetch_one(&mut *pooled);
            let most = most.await.map_err(Failed::Driver);
            pooled.note(&most);
            most
        };
        let most = self.health.call(deadline, asking.boxed()).await?;
        Ok(u64::try_from(most).unwrap_or_default())
    }

    /// Checks that the server answers on a connection of this pool.
    pub(in crate::sql) async fn ping(&self, deadline: Instant) -> Result<()> {
        let asking = async {
            let mut pooled = PooledConnection::take(&self.pool).await?;
            let answer = pooled.ping().await.map_err(Failed::Driver);
            pooled.note(&answer);
            answer
        };
        self.health.call(deadline, asking.boxed()).await
    }
}
