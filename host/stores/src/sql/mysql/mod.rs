//! Databases on MySQL and MariaDB servers.

mod bounded;
pub(super) mod codes;
mod decode;
mod server;
mod session;
mod target;

use std::sync::Arc;
use std::time::Instant;

use deadpool::managed::Object;
use futures_util::{FutureExt, TryStreamExt};
use sqlx::mysql::{MySqlArguments, MySqlQueryResult};
use sqlx::{Column, Connection, MySqlConnection, Row};

use server::Facts;
pub(super) use server::Server;
pub use server::UnsupportedServer;
pub use session::{mysql_session, mysql_session_checks};
pub(super) use target::Target;
pub use target::UrlError;

use super::error::{OpenError, is_broken, is_contention, redacted_url, typed};
use super::health::{Failed, Health};
use super::pool::{ACQUIRE_TIMEOUT, NoConnection, Pool, PoolOptions};
use super::pooled::{MySqlTransaction, PooledConnection};
use super::retry::retry_on_conflict;
use super::rows::Form;
use super::value::{Collector, instant};
use super::{CallLimits, Outcome, Result, Value};

/// The pool of one grant, with the kind and health of its server.
#[derive(Clone)]
pub(super) struct MySqlDatabase {
    pub(super) pool: Pool,
    pub(super) server: Server,
    pub(super) health: Arc<Health>,
}

impl MySqlDatabase {
    /// Takes a connection out of the pool for good, and removes the time limit
    /// of its statements.
    pub(super) async fn unbounded(&self) -> sqlx::Result<MySqlConnection> {
        let mut connection = Object::take(self.pool.take().await?).into_inner();
        self.server.unbound(&mut connection).await?;
        Ok(connection)
    }

    /// Runs a query whose text the guard has checked. If the connection broke,
    /// the query is repeated once on a new connection, which is safe since it
    /// changes nothing.
    pub(super) async fn query<F: Form>(
        &self,
        text: &Arc<str>,
        parameters: &[Value],
        limits: CallLimits,
        deadline: Instant,
    ) -> Result<F> {
        let text = self.server.bounded(text, deadline);
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
    pub(super) async fn execute(
        &self,
        text: &Arc<str>,
        parameters: &[Value],
        deadline: Instant,
    ) -> Result<Outcome> {
        let text = self.server.bounded(text, deadline);
        let changing = async {
            let change = || async {
                let arguments = bind(parameters)?;
                let mut pooled = PooledConnection::take(&self.pool).await?;
                let done = execute(&mut pooled, &text, arguments).await;
                let done = done.map_err(Failed::Driver);
                pooled.note(&done);
                done
            };
            retry_on_conflict(change, |failed| match failed {
                Failed::Driver(error) => is_contention(error),
                Failed::Connect(_) | Failed::Call(_) => false,
            })
            .await
        };
        let done = self.health.call(deadline, changing.boxed()).await;
        done.map(outcome)
    }

    /// Begins a transaction. If the connection broke, another is taken, since
    /// nothing was done yet.
    pub(super) async fn begin(&self, deadline: Instant) -> Result<MySqlTransaction> {
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
    pub(super) async fn query_in<F: Form>(
        &self,
        transaction: &mut MySqlTransaction,
        text: &Arc<str>,
        parameters: &[Value],
        limits: CallLimits,
        deadline: Instant,
    ) -> Result<F> {
        let text = self.server.bounded(text, deadline);
        let asking = async {
            let arguments = bind(parameters)?;
            let rows = query(transaction.connection()?, &text, arguments, limits).await;
            transaction.note(&rows);
            rows
        };
        self.health.watch(deadline, asking.boxed()).await
    }

    /// Runs an INSERT, UPDATE or DELETE in a transaction.
    pub(super) async fn execute_in(
        &self,
        transaction: &mut MySqlTransaction,
        text: &Arc<str>,
        parameters: &[Value],
        deadline: Instant,
    ) -> Result<Outcome> {
        let text = self.server.bounded(text, deadline);
        let changing = async {
            let arguments = bind(parameters)?;
            let done = execute(transaction.connection()?, &text, arguments).await;
            let done = done.map_err(Failed::Driver);
            transaction.note(&done);
            done
        };
        let done = self.health.watch(deadline, changing.boxed()).await;
        done.map(outcome)
    }

    /// Ends a transaction by running `ending`, a commit or a rollback.
    pub(super) async fn end(
        &self,
        ending: impl Future<Output = std::result::Result<(), Failed>> + Send,
        deadline: Instant,
    ) -> Result<()> {
        self.health.watch(deadline, ending.boxed()).await
    }

    /// Returns the server's `max_connections`, which all of its clients share.
    pub(super) async fn max_connections(&self, deadline: Instant) -> Result<u64> {
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
    pub(super) async fn ping(&self, deadline: Instant) -> Result<()> {
        let asking = async {
            let mut pooled = PooledConnection::take(&self.pool).await?;
            let answer = pooled.ping().await.map_err(Failed::Driver);
            pooled.note(&answer);
            answer
        };
        self.health.call(deadline, asking.boxed()).await
    }
}

/// Opens a pool with the options `pool` on `url`, to the server that `health`
/// describes.
pub(super) async fn open(
    url: &str,
    target: Target,
    pool: PoolOptions,
    health: Arc<Health>,
) -> std::result::Result<MySqlDatabase, OpenError> {
    let fail = |source: sqlx::Error| {
        let (url, advice) = (redacted_url(url), target.advice(&source));
        let source = source.into();
        match advice {
            None => OpenError::Connect { url, source },
            Some(advice) => OpenError::Refused {
                url,
                source,
                advice,
            },
        }
    };
    // A pool waits for a server that refuses connections, which may be
    // starting, and then reports only that it waited. A single connection
    // reports the reason.
    let first = tokio::time::timeout(ACQUIRE_TIMEOUT, first_contact(&target)).await;
    let facts = first
        .map_err(|_| {
            let why = "the server did not answer".to_owned();
            fail(NoConnection::NotMade { why }.into())
        })?
        .map_err(fail)?;
    let server = facts.check().map_err(|source| OpenError::Unsupported {
        url: redacted_url(url),
        source,
    })?;
    Ok(open_later(target, server, pool, health))
}

/// Reads the server's version and limits, before anything is sent that it may
/// be too old for.
async fn first_contact(target: &Target) -> sqlx::Result<Facts> {
    let mut first = target.connect_raw().await?;
    let facts = Facts::read(&mut first).await?;
    if facts.check().is_ok() {
        target.prepare(&mut first).await?;
    }
    first.close().await?;
    Ok(facts)
}

/// Opens a pool to a server of a known kind, which need not be reachable yet.
pub(super) fn open_later(
    target: Target,
    server: Server,
    pool: PoolOptions,
    health: Arc<Health>,
) -> MySqlDatabase {
    MySqlDatabase {
        pool: Pool::new(target, server, pool, health.clone()),
        server,
        health,
    }
}

async fn query<F: Form>(
    connection: &mut MySqlConnection,
    text: &Arc<str>,
    arguments: MySqlArguments,
    limits: CallLimits,
) -> std::result::Result<F, Failed> {
    let query = sqlx::query_with(sqlx::AssertSqlSafe(text.clone()), arguments);
    let mut rows = query.fetch(connection);
    let mut collector = Collector::new(limits);
    let mut kinds = Vec::new();
    while let Some(row) = rows.try_next().await? {
        if !collector.has_columns() {
            collector.set_columns(row.columns().iter().map(Column::name));
            kinds = decode::kinds(&row);
        }
        collector.push(decode::cells(&row, &kinds))?;
    }
    Ok(collector.finish())
}

async fn execute(
    connection: &mut MySqlConnection,
    text: &Arc<str>,
    arguments: MySqlArguments,
) -> sqlx::Result<MySqlQueryResult> {
    let query = sqlx::query_with(sqlx::AssertSqlSafe(text.clone()), arguments);
    query.execute(connection).await
}

fn outcome(done: MySqlQueryResult) -> Outcome {
    Outcome {
        rows_affected: done.rows_affected(),
        last_insert_id: done.last_insert_id(),
    }
}

fn bind(parameters: &[Value]) -> Result<MySqlArguments> {
    use sqlx::Arguments;
    let mut arguments = MySqlArguments::default();
    arguments.reserve(parameters.len(), 0);
    for parameter in parameters {
        let bound = match parameter {
            Value::Null => arguments.add(None::<i64>),
            Value::Integer(number) => arguments.add(number),
            Value::Real(number) => arguments.add(number),
            Value::Text(text) => arguments.add(text.as_str()),
            Value::Blob(bytes) => arguments.add(bytes.as_slice()),
            Value::Timestamp(text) => arguments.add(instant(text)?.naive_utc()),
        };
        bound.map_err(|error| typed(sqlx::Error::Encode(error)))?;
    }
    Ok(arguments)
}
