//! MySQL and MariaDB.

use std::borrow::Cow;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use futures_util::TryStreamExt;
use sqlx::mysql::{
    MySqlArguments, MySqlConnectOptions, MySqlPool, MySqlPoolOptions, MySqlQueryResult, MySqlRow,
    MySqlTypeInfo,
};
use sqlx::{
    Column, ConnectOptions, Connection, Decode, Executor, MySql, MySqlConnection, Row, Type,
    TypeInfo, ValueRef,
};

use super::bounded::Server;
use super::error::{OpenError, public_url, typed};
use super::retry::persistent;
use super::rows::{Cell, Form};
use super::value::{Collector, INSTANT, instant};
use super::{CallLimits, Outcome, Result, Value};

/// Prepared statements that a connection keeps.
const STATEMENTS_KEPT: usize = 256;

/// A connection that was idle for longer is asked whether it still lives; one
/// that worked just now is not, which saves a round trip.
const TRUSTED_IDLE: Duration = Duration::from_secs(15);

/// How long a request waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// The pool of one grant, and what is at its other end.
#[derive(Clone)]
pub(super) struct MySqlDatabase {
    pub(super) pool: MySqlPool,
    pub(super) server: Server,
}

impl MySqlDatabase {
    /// A connection that is no longer the pool's, and on which statements take
    /// as long as they need.
    pub(super) async fn unbounded(&self) -> sqlx::Result<MySqlConnection> {
        let mut connection = self.pool.acquire().await?.detach();
        self.server.unbound(&mut connection).await?;
        Ok(connection)
    }
}

/// Open a pool of `connections` on `url`.
pub(super) async fn open(
    url: &str,
    connections: u32,
) -> std::result::Result<MySqlDatabase, OpenError> {
    let options = MySqlConnectOptions::from_str(url)
        .map_err(|source| OpenError::Url {
            url: public_url(url),
            source,
        })?
        .statement_cache_capacity(STATEMENTS_KEPT)
        .disable_statement_logging();
    let fail = |source| OpenError::Connect {
        url: public_url(url),
        source,
    };
    // A pool tries again until its time-out and then says only that; one
    // connection of our own says why.
    let first = tokio::time::timeout(ACQUIRE_TIMEOUT, options.connect()).await;
    let mut first = first
        .map_err(|_| fail(sqlx::Error::PoolTimedOut))?
        .map_err(fail)?;
    let server = Server::of(&mut first).await.map_err(fail)?;
    let pool = MySqlPoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .after_connect(move |connection, _| Box::pin(server.bound(connection)))
        .before_acquire(|connection, metadata| {
            Box::pin(async move {
                if metadata.idle_for > TRUSTED_IDLE {
                    return Ok(connection.ping().await.is_ok());
                }
                Ok(true)
            })
        })
        .connect_with(options)
        .await
        .map_err(fail)?;
    Ok(MySqlDatabase { pool, server })
}

/// Run a query, whose text the guard has checked.
pub(super) async fn query<'c, F: Form>(
    connection: impl Executor<'c, Database = MySql>,
    text: Arc<str>,
    parameters: Vec<Value>,
    limits: CallLimits,
) -> Result<F> {
    let query = sqlx::query_with(sqlx::AssertSqlSafe(text), bind(parameters)?);
    let mut rows = query.fetch(connection);
    let mut collector = Collector::new(limits);
    let mut kinds = Vec::new();
    while let Some(row) = rows.try_next().await.map_err(typed)? {
        if !collector.has_columns() {
            collector.set_columns(row.columns().iter().map(Column::name));
            kinds = row
                .columns()
                .iter()
                .map(|c| Kind::of(c.type_info()))
                .collect();
        }
        collector.push(cells(&row, &kinds))?;
    }
    Ok(collector.finish())
}

/// Run a change, likewise.
pub(super) async fn execute<'c>(
    connection: impl Executor<'c, Database = MySql>,
    text: Arc<str>,
    parameters: Vec<Value>,
) -> Result<Outcome> {
    let query = sqlx::query_with(sqlx::AssertSqlSafe(text), bind(parameters)?);
    query.execute(connection).await.map(outcome).map_err(typed)
}

/// Run a change in a transaction of its own, and again if it loses against
/// another.
pub(super) async fn execute_alone(
    pool: &MySqlPool,
    text: Arc<str>,
    parameters: Vec<Value>,
) -> Result<Outcome> {
    let arguments = bind(parameters)?;
    let change = || {
        let text = sqlx::AssertSqlSafe(text.clone());
        sqlx::query_with(text, arguments.clone()).execute(pool)
    };
    persistent(change).await.map(outcome).map_err(typed)
}

fn outcome(done: MySqlQueryResult) -> Outcome {
    Outcome {
        rows_affected: done.rows_affected(),
        last_insert_id: done.last_insert_id(),
    }
}

fn bind(parameters: Vec<Value>) -> Result<MySqlArguments> {
    use sqlx::Arguments;
    let mut arguments = MySqlArguments::default();
    arguments.reserve(parameters.len(), 0);
    for parameter in parameters {
        let bound = match parameter {
            Value::Null => arguments.add(None::<i64>),
            Value::Integer(number) => arguments.add(number),
            Value::Real(number) => arguments.add(number),
            Value::Text(text) => arguments.add(text),
            Value::Blob(bytes) => arguments.add(bytes),
            Value::Timestamp(text) => arguments.add(instant(&text)?.naive_utc()),
        };
        bound.map_err(|error| typed(sqlx::Error::Encode(error)))?;
    }
    Ok(arguments)
}

/// How a column's values are decoded; found once for a result.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Integer,
    Unsigned,
    Real,
    Text,
    Blob,
    Date,
    DateTime,
    Timestamp,
    Time,
}

impl Kind {
    /// DECIMAL is text in MySQL's protocol, so it crosses as it was stored.
    fn of(column: &MySqlTypeInfo) -> Self {
        // The name of a text's type is that of bytes when its collation
        // compares bytes (`utf8mb4_bin`).
        if <str as Type<MySql>>::compatible(column) {
            return Self::Text;
        }
        match column.name() {
            "BIGINT UNSIGNED" | "INT UNSIGNED" | "MEDIUMINT UNSIGNED" | "SMALLINT UNSIGNED"
            | "TINYINT UNSIGNED" | "YEAR" | "BIT" => Self::Unsigned,
            "BIGINT" | "INT" | "MEDIUMINT" | "SMALLINT" | "TINYINT" | "BOOLEAN" => Self::Integer,
            "FLOAT" | "DOUBLE" => Self::Real,
            "BLOB" | "TINYBLOB" | "MEDIUMBLOB" | "LONGBLOB" | "BINARY" | "VARBINARY" => Self::Blob,
            "DATE" => Self::Date,
            "DATETIME" => Self::DateTime,
            "TIMESTAMP" => Self::Timestamp,
            "TIME" => Self::Time,
            _ => Self::Text,
        }
    }
}

fn cells<'a>(row: &'a MySqlRow, kinds: &[Kind]) -> impl Iterator<Item = Result<Cell<'a>>> {
    let kinds = kinds.iter().enumerate();
    kinds.map(|(index, kind)| cell(row, index, *kind))
}

fn cell(row: &MySqlRow, index: usize, kind: Kind) -> Result<Cell<'_>> {
    let raw = row.try_get_raw(index).map_err(typed)?;
    if raw.is_null() {
        return Ok(Cell::Null);
    }
    let decoded = match kind {
        Kind::Integer => Decode::<MySql>::decode(raw).map(Cell::Integer),
        Kind::Unsigned => Decode::<MySql>::decode(raw).map(unsigned),
        Kind::Real => Decode::<MySql>::decode(raw).map(Cell::Real),
        Kind::Text => <&str as Decode<MySql>>::decode(raw).map(text),
        Kind::Blob => Decode::<MySql>::decode(raw).map(Cell::Blob),
        Kind::Date => <NaiveDate as Decode<MySql>>::decode(raw).map(|date| text(date.to_string())),
        Kind::DateTime => <NaiveDateTime as Decode<MySql>>::decode(raw)
            .map(|instant| text(instant.format(INSTANT).to_string())),
        Kind::Timestamp => <DateTime<Utc> as Decode<MySql>>::decode(raw)
            .map(|instant| text(instant.format(INSTANT).to_string())),
        Kind::Time => <NaiveTime as Decode<MySql>>::decode(raw).map(|time| text(time.to_string())),
    };
    decoded.map_err(|error| typed(sqlx::Error::Decode(error)))
}

fn text<'a>(text: impl Into<Cow<'a, str>>) -> Cell<'a> {
    Cell::Text(text.into())
}

/// Numbers that a signed 64-bit integer does not hold cross as text: exact.
fn unsigned<'a>(number: u64) -> Cell<'a> {
    i64::try_from(number).map_or_else(|_| text(number.to_string()), Cell::Integer)
}
