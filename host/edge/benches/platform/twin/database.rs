//! The twin's database: sqlx as anyone would use it, set up as the node sets
//! it up.

use std::str::FromStr;
use std::time::Duration;

use sqlx::error::BoxDynError;
use sqlx::mysql::{MySqlArguments, MySqlConnectOptions, MySqlPool, MySqlPoolOptions, MySqlRow};
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteRow,
};
use sqlx::{
    Arguments, AssertSqlSafe, Decode, Encode, Error, MySql, Result, Row as _, SqlSafeStr, Sqlite,
    Type, query_with,
};
use stores::sql::planned_once;

/// Prepared statements that a connection keeps.
const STATEMENTS_KEPT: usize = 256;

/// A pool of connections.
pub enum Database {
    Sqlite(SqlitePool),
    MySql(MySqlPool),
}

/// A parameter of a statement.
pub enum Parameter {
    Integer(i64),
    Bytes(Vec<u8>),
}

/// A row of either database.
pub enum Row {
    Sqlite(SqliteRow),
    MySql(MySqlRow),
}

impl Database {
    /// Open a pool of this many connections.
    pub async fn open(url: &str, connections: u32) -> Result<Self> {
        if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url)?
                .journal_mode(SqliteJournalMode::Wal)
                .busy_timeout(Duration::from_secs(5))
                .read_only(true)
                .statement_cache_capacity(STATEMENTS_KEPT);
            let pool = SqlitePoolOptions::new()
                .max_connections(connections)
                .test_before_acquire(false);
            Ok(Self::Sqlite(pool.connect_with(options).await?))
        } else {
            let options =
                MySqlConnectOptions::from_str(url)?.statement_cache_capacity(STATEMENTS_KEPT);
            let pool = MySqlPoolOptions::new()
                .max_connections(connections)
                .test_before_acquire(false);
            Ok(Self::MySql(pool.connect_with(options).await?))
        }
    }

    /// Run a SELECT and make something of each of its rows.
    pub async fn rows<T>(
        &self,
        text: impl SqlSafeStr,
        parameters: Vec<Parameter>,
        read: fn(&Row) -> Result<T>,
    ) -> Result<Vec<T>> {
        match self {
            Self::Sqlite(pool) => {
                let arguments: SqliteArguments = arguments(parameters).map_err(Error::Encode)?;
                // As the node does, or the twin would pay for what the node saves.
                let text = AssertSqlSafe(planned_once(text.into_sql_str().as_str()));
                let rows = query_with(text, arguments).fetch_all(pool).await?;
                rows.into_iter()
                    .map(|row| read(&Row::Sqlite(row)))
                    .collect()
            }
            Self::MySql(pool) => {
                let arguments: MySqlArguments = arguments(parameters).map_err(Error::Encode)?;
                let rows = query_with(text, arguments).fetch_all(pool).await?;
                rows.into_iter().map(|row| read(&Row::MySql(row))).collect()
            }
        }
    }
}

fn arguments<'a, A: Arguments>(parameters: Vec<Parameter>) -> Result<A, BoxDynError>
where
    i64: Encode<'a, A::Database> + Type<A::Database>,
    Vec<u8>: Encode<'a, A::Database> + Type<A::Database>,
{
    let mut arguments = A::default();
    for parameter in parameters {
        match parameter {
            Parameter::Integer(number) => arguments.add(number)?,
            Parameter::Bytes(bytes) => arguments.add(bytes)?,
        }
    }
    Ok(arguments)
}

impl Row {
    /// The value of a column, by position. Unchecked: MySQL sends decimals as
    /// the text that they are wanted as.
    pub fn get<T>(&self, column: usize) -> Result<T>
    where
        T: for<'r> Decode<'r, Sqlite> + for<'r> Decode<'r, MySql>,
    {
        match self {
            Self::Sqlite(row) => row.try_get_unchecked(column),
            Self::MySql(row) => row.try_get_unchecked(column),
        }
    }
}
