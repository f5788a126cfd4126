//! Bounded looks at the rows that are there.

use std::time::Duration;

use sqlx::mysql::MySqlDatabaseError;
use sqlx::{AssertSqlSafe, MySqlConnection, Row};

use crate::sql::mysql::Server;

/// How long one look may take. What is not found by then is reported as not
/// looked through.
pub(super) const LONGEST_LOOK: Duration = Duration::from_secs(10);

/// Rows that are counted at the most.
pub(super) const COUNTED: u64 = 10_000;

/// Rows of which the distinct values are read.
const SAMPLED: u64 = 100_000;

/// Distinct values that are shown.
const VALUES: usize = 12;

/// Values that are shown of those that are in the way.
const EXAMPLES: usize = 5;

/// Characters of a value that are shown.
const VALUE_CHARACTERS: usize = 40;

/// Sets the session up to look at rows: zero dates compare, no look takes long,
/// and none waits for a lock for long.
fn session(server: Server) -> String {
    let seconds = LONGEST_LOOK.as_secs();
    let bound = match server {
        Server::MariaDb => format!("max_statement_time = {seconds}"),
        Server::MySql => {
            format!("max_execution_time = {seconds}000, information_schema_stats_expiry = 0")
        }
    };
    format!("SET SESSION sql_mode = 'PIPES_AS_CONCAT', lock_wait_timeout = {seconds}, {bound}")
}

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found<T> {
    Some(T),
    None,
    /// The table is too large to be looked through.
    Unknown,
}

/// A connection that looks at rows.
pub(super) struct Data<'a> {
    connection: &'a mut MySqlConnection,
}

impl<'a> Data<'a> {
    /// Sets the session of `connection` up for looks.
    ///
    /// # Errors
    /// Those of the driver.
    pub(super) async fn new(
        connection: &'a mut MySqlConnection,
        server: Server,
    ) -> sqlx::Result<Self> {
        let session = AssertSqlSafe(session(server));
        sqlx::raw_sql(session).execute(&mut *connection).await?;
        Ok(Self { connection })
    }

    /// Looks with the session as it is, which others use too.
    pub(super) fn within(connection: &'a mut MySqlConnection) -> Self {
        Self { connection }
    }

    /// Returns the connection.
    pub(super) fn connection(&mut self) -> &mut MySqlConnection {
        self.connection
    }

    /// Counts the rows of a table of which `condition` is true, up to
    /// [`COUNTED`] and one more.
    pub(super) async fn count(&mut self, table: &str, condition: &str) -> sqlx::Result<Found<u64>> {
        self.counted(&format!("`{table}`"), condition).await
    }

    /// Counts rows of a statement's own tables, like [`Self::count`]. What the
    /// server cannot compute is not known.
    pub(super) async fn count_from(
        &mut self,
        from: &str,
        condition: &str,
    ) -> sqlx::Result<Found<u64>> {
        match self.counted(from, condition).await {
            Err(sqlx::Error::Database(error)) => {
                tracing::debug!("rows are not looked at: {error}");
                Ok(Found::Unknown)
            }
            done => done,
        }
    }

    async fn counted(&mut self, from: &str, condition: &str) -> sqlx::Result<Found<u64>> {
        let text = format!(
            "SELECT CAST(COUNT(*) AS UNSIGNED) FROM \
             (SELECT 1 FROM {from} WHERE {condition} LIMIT {}) found",
            COUNTED + 1
        );
        Ok(match self.one(&text).await? {
            Found::Some(row) => match row.try_get::<u64, _>(0)? {
                0 => Found::None,
                count => Found::Some(count),
            },
            Found::None => Found::None,
            Found::Unknown => Found::Unknown,
        })
    }

    /// Returns what two rows have in common in all of these expressions.
    pub(super) async fn duplicate(
        &mut self,
        table: &str,
        expressions: &[String],
        condition: &str,
    ) -> sqlx::Result<Found<Vec<String>>> {
        let selected = expressions.iter().map(|it| format!("CAST({it} AS CHAR)"));
        let text = format!(
            "SELECT {} FROM `{table}` WHERE {condition} GROUP BY {} HAVING COUNT(*) > 1 LIMIT 1",
            selected.collect::<Vec<_>>().join(", "),
            expressions.join(", ")
        );
        Ok(match self.one(&text).await? {
            Found::Some(row) => {
                let value = |index| row.try_get::<Option<String>, _>(index);
                let values = (0..expressions.len()).map(value);
                let shown = |value: Option<String>| value.map_or("NULL".to_owned(), cut);
                let values = values.map(|value| value.map(shown));
                Found::Some(values.collect::<sqlx::Result<_>>()?)
            }
            Found::None => Found::None,
            Found::Unknown => Found::Unknown,
        })
    }

    /// Returns the most frequent values of a column, with how many rows have
    /// each; nothing where there are more than a few, as in a column of names.
    pub(super) async fn values(
        &mut self,
        table: &str,
        column: &str,
    ) -> sqlx::Result<Found<Vec<(String, u64)>>> {
        let text = format!(
            "SELECT CAST(value AS CHAR), CAST(COUNT(*) AS UNSIGNED) \
             FROM (SELECT `{column}` AS value FROM `{table}` LIMIT {SAMPLED}) sampled \
             GROUP BY value ORDER BY COUNT(*) DESC, value LIMIT {}",
            VALUES + 1
        );
        let rows = sqlx::query(AssertSqlSafe(text))
            .fetch_all(&mut *self.connection)
            .await;
        let rows = match rows {
            Ok(rows) if rows.is_empty() || rows.len() > VALUES => return Ok(Found::None),
            Ok(rows) => rows,
            Err(error) if is_too_long(&error) => return Ok(Found::Unknown),
            Err(error) => return Err(error),
        };
        let values = rows.iter().map(shown).collect::<sqlx::Result<_>>();
        Ok(Found::Some(values?))
    }

    /// Returns the most frequent values of a column in the rows of which
    /// `condition` is true, with how many rows have each.
    pub(super) async fn examples(
        &mut self,
        table: &str,
        column: &str,
        condition: &str,
    ) -> sqlx::Result<Vec<(String, u64)>> {
        let text = format!(
            "SELECT CAST(value AS CHAR), CAST(COUNT(*) AS UNSIGNED) \
             FROM (SELECT `{column}` AS value FROM `{table}` WHERE {condition} LIMIT {SAMPLED}) sampled \
             GROUP BY value ORDER BY COUNT(*) DESC, value LIMIT {EXAMPLES}"
        );
        let rows = sqlx::query(AssertSqlSafe(text))
            .fetch_all(&mut *self.connection)
            .await;
        match rows {
            Ok(rows) => rows.iter().map(shown).collect(),
            Err(error) if is_too_long(&error) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    async fn one(&mut self, text: &str) -> sqlx::Result<Found<sqlx::mysql::MySqlRow>> {
        let asking = sqlx::query(AssertSqlSafe(text.to_owned()));
        match asking.fetch_optional(&mut *self.connection).await {
            Ok(Some(row)) => Ok(Found::Some(row)),
            Ok(None) => Ok(Found::None),
            Err(error) if is_too_long(&error) => Ok(Found::Unknown),
            Err(error) => Err(error),
        }
    }
}

/// A value as people read it, and how many rows have it.
fn shown(row: &sqlx::mysql::MySqlRow) -> sqlx::Result<(String, u64)> {
    let value: Option<String> = row.try_get(0)?;
    let value = value.map_or("NULL".to_owned(), |text| format!("'{}'", cut(text)));
    Ok((value, row.try_get(1)?))
}

/// The errors of a statement that took too long, and of a lock that was not
/// had in time.
const TOO_LONG: [u16; 4] = [1205, 1969, 3024, 1317];

fn is_too_long(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else {
        return false;
    };
    let mysql = error.try_downcast_ref::<MySqlDatabaseError>();
    mysql.is_some_and(|error| TOO_LONG.contains(&error.number()))
}

fn cut(text: String) -> String {
    match text.char_indices().nth(VALUE_CHARACTERS) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
