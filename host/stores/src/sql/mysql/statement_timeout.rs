//! Statement timeouts, with which the server ends abandoned statements.
//!
//! Each connection has a statement timeout that suits most requests, which
//! costs nothing. If much less or more time is left, the timeout is put into
//! the statement's text, which saves a round trip, and costs the server a
//! little.
//!
//! MySQL's timeout covers only queries, and within the text only those that
//! begin with SELECT. Other statements are killed from another connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, MySqlConnection, Row};

use super::server::Server;
use super::target::Target;
use crate::sql::error::mysql::is_refusal;

/// Default timeout of a request, and so of a statement at its beginning.
pub(super) const USUAL: Duration = Duration::from_secs(5);

/// Time that a statement may go on after its call has ended.
const SLACK: Duration = Duration::from_secs(1);

impl Server {
    /// Removes the statement timeout of `connection`, for the host's own work.
    /// `session` sets the timeout of new connections.
    pub(in crate::sql) async fn remove_timeout(
        self,
        connection: &mut MySqlConnection,
    ) -> sqlx::Result<()> {
        let text = match self {
            Self::MariaDb => "SET SESSION max_statement_time = 0",
            Self::MySql => "SET SESSION max_execution_time = 0",
        };
        sqlx::raw_sql(text).execute(connection).await.map(|_| ())
    }

    /// Returns the id of `connection` for [`kill_query`](Target::kill_query);
    /// `None` if the server itself ends every statement in time, or a proxy
    /// does not tell the id.
    pub(in crate::sql) async fn connection_id(
        self,
        connection: &mut MySqlConnection,
    ) -> sqlx::Result<Option<u64>> {
        match self {
            Self::MariaDb => Ok(None),
            Self::MySql => {
                let asked = sqlx::raw_sql("SELECT CONNECTION_ID()");
                match asked.fetch_one(connection).await {
                    Ok(row) => row.try_get(0).map(Some),
                    Err(error) if is_refusal(&error) => Ok(None),
                    Err(error) => Err(error),
                }
            }
        }
    }

    /// Returns `text` with a statement timeout shortly after `deadline`, where
    /// the timeout of the connection does not fit.
    pub(in crate::sql) fn with_timeout(self, text: &Arc<str>, deadline: Instant) -> Arc<str> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left <= USUAL && left + SLACK >= USUAL {
            return text.clone();
        }
        let seconds = seconds(left);
        match self {
            Self::MariaDb => {
                format!("SET STATEMENT max_statement_time={seconds} FOR {text}").into()
            }
            Self::MySql => match select_list(text) {
                Some(rest) => {
                    format!("SELECT /*+ MAX_EXECUTION_TIME({seconds}000) */{rest}").into()
                }
                None => text.clone(),
            },
        }
    }
}

impl Target {
    /// Kills the statement that the connection with this id runs, from another
    /// connection of the same user. Has no effect if none is running.
    ///
    /// # Errors
    /// Errors of the driver.
    pub(in crate::sql) async fn kill_query(&self, id: u64) -> sqlx::Result<()> {
        let mut connection = self.connect_raw().await?;
        let kill = format!("KILL QUERY {id}");
        let killed = sqlx::raw_sql(AssertSqlSafe(kill));
        killed.execute(&mut connection).await?;
        connection.close().await
    }
}

/// Returns a timeout in whole seconds, rounded up. Only few distinct values
/// occur, since a connection prepares each text separately.
fn seconds(left: Duration) -> u64 {
    let seconds = left.as_secs() + 1;
    match seconds {
        ..=5 => seconds,
        _ => seconds.next_power_of_two(),
    }
}

/// Returns the text after an initial SELECT, where an optimizer hint belongs;
/// `None` if the text begins otherwise.
fn select_list(text: &str) -> Option<&str> {
    const SELECT: &str = "SELECT";
    let (word, rest) = text.split_at_checked(SELECT.len())?;
    let is_select = word.eq_ignore_ascii_case(SELECT) && rest.starts_with([' ', '\t', '\r', '\n']);
    is_select.then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_of_few_kinds_and_never_too_short() {
        let of = |ms| seconds(Duration::from_millis(ms));
        assert_eq!([of(0), of(999), of(1000), of(4950)], [1, 1, 2, 5]);
        assert_eq!([of(5000), of(9000), of(59_000)], [8, 16, 64]);
    }

    #[test]
    fn each_server_is_told_in_its_own_words() {
        let deadline = Instant::now() + Duration::from_millis(1500);
        let maria = |text: &str| Server::MariaDb.with_timeout(&text.into(), deadline);
        let oracle = |text: &str| Server::MySql.with_timeout(&text.into(), deadline);
        assert_eq!(
            &*maria("UPDATE a SET b = ?"),
            "SET STATEMENT max_statement_time=2 FOR UPDATE a SET b = ?"
        );
        assert_eq!(&*oracle("UPDATE a SET b = ?"), "UPDATE a SET b = ?");
        assert_eq!(
            &*oracle("select\n1"),
            "SELECT /*+ MAX_EXECUTION_TIME(2000) */\n1"
        );
        for text in [
            "SELECTED",
            "(SELECT 1)",
            "WITH a AS (SELECT 1) SELECT 2",
            "é",
        ] {
            assert_eq!(&*oracle(text), text);
        }
    }

    #[test]
    fn the_usual_bound_is_the_connections() {
        let text: Arc<str> = "SELECT 1".into();
        let is_plain = |left: u64| {
            let deadline = Instant::now() + Duration::from_millis(left);
            Server::MariaDb.with_timeout(&text, deadline) == text
        };
        assert!(is_plain(4950) && is_plain(4500));
        assert!(!is_plain(6000) && !is_plain(3900) && !is_plain(0));
    }
}
