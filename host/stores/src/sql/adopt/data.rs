//! Bounded queries on existing rows.

use std::time::Duration;

use sqlx::mysql::MySqlDatabaseError;
use sqlx::{AssertSqlSafe, MySqlConnection, Row};

use crate::sql::mysql::Server;

/// Time limit for one query. If it is exceeded, the answer is reported as
/// unknown.
pub(super) const LONGEST_LOOK: Duration = Duration::from_secs(10);

/// Largest number of rows that are counted.
const COUNTED: u64 = 10_000;

/// Number of rows from which distinct values are sampled.
const SAMPLED: u64 = 100_000;

/// Largest number of distinct values that are shown.
const VALUES: usize = 12;

/// Number of conflicting values that are shown as examples.
const EXAMPLES: usize = 5;

/// Number of characters of a value that are shown.
const VALUE_CHARACTERS: usize = 40;

/// Returns the statement that sets up the session for queries on rows: zero
/// dates can be compared, and queries and their waiting for locks have a time
/// limit.
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

/// Result of a bounded query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found<T> {
    Some(T),
    None,
    /// The table is too large to be searched within the time limit.
    Unknown,
}

/// A connection for bounded queries on rows.
pub(super) struct Data<'a> {
    connection: &'a mut MySqlConnection,
}

impl<'a> Data<'a> {
    /// Sets up the session of `connection` for bounded queries.
    ///
    /// # Errors
    /// Errors of the driver.
    pub(super) async fn new(
        connection: &'a mut MySqlConnection,
        server: Server,
    ) -> sqlx::Result<Self> {
        let session = AssertSqlSafe(session(server));
        sqlx::raw_sql(session).execute(&mut *connection).await?;
        Ok(Self { connection })
    }

    /// Uses the session as it is, since other statements run on it too.
    pub(super) fn within(connection: &'a mut MySqlConnection) -> Self {
        Self { connection }
    }

    /// Returns the connection.
    pub(super) fn connection(&mut self) -> &mut MySqlConnection {
        self.connection
    }

    /// Counts the rows of a table for which `condition` is true, up to one more
    /// than [`COUNTED`].
    pub(super) async fn count(&mut self, table: &str, condition: &str) -> sqlx::Result<Found<u64>> {
        self.counted(&format!("`{table}`"), condition).await
    }

    /// Counts rows of a statement's own tables, like [`Self::count`]. If the
    /// server cannot evaluate the condition, the count is unknown.
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

    /// Returns the values of these expressions that two rows share, if any do.
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

    /// Returns the most frequent values of a column, with the number of rows of
    /// each; none if there are more than a few, as in a column of names.
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

    /// Returns the most frequent values of a column in the rows for which
    /// `condition` is true, with the number of rows of each.
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

/// Returns a value for display, and the number of its rows.
fn shown(row: &sqlx::mysql::MySqlRow) -> sqlx::Result<(String, u64)> {
    let value: Option<String> = row.try_get(0)?;
    let value = value.map_or("NULL".to_owned(), |text| format!("'{}'", cut(text)));
    Ok((value, row.try_get(1)?))
}

/// Errors of a statement that exceeded its time limit, and of a lock that was
/// not granted in time.
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

/// Formats a number of rows that were counted up to [`COUNTED`].
pub(super) fn counted(count: u64) -> String {
    match count > COUNTED {
        true => format!("more than {COUNTED} rows"),
        false if count == 1 => "1 row".to_owned(),
        false => format!("{count} rows"),
    }
}
