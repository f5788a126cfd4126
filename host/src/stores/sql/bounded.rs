//! Letting the server end a statement for which nobody waits any more. The
//! bound stands in the text, so that it costs no round trip.

use std::time::{Duration, Instant};

use sqlx::{MySqlConnection, Row};

/// What kind of server it is, as far as bounds on statements go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Server {
    /// Bounds any statement.
    MariaDb,
    /// Bounds queries; changes go on to their end.
    MySql,
}

impl Server {
    /// Ask the server at the other end of `connection`.
    pub(super) async fn of(connection: &mut MySqlConnection) -> sqlx::Result<Self> {
        let row = sqlx::query("SELECT VERSION()")
            .fetch_one(connection)
            .await?;
        let version: String = row.try_get(0)?;
        Ok(match version.contains("MariaDB") {
            true => Self::MariaDb,
            false => Self::MySql,
        })
    }

    /// `text`, which the server ends soon after `deadline`.
    pub(super) fn bounded(self, text: &str, deadline: Instant) -> String {
        let seconds = seconds(deadline.saturating_duration_since(Instant::now()));
        match self {
            Self::MariaDb => format!("SET STATEMENT max_statement_time={seconds} FOR {text}"),
            Self::MySql => match select_list(text) {
                Some(rest) => format!("SELECT /*+ MAX_EXECUTION_TIME({seconds}000) */{rest}"),
                None => text.to_owned(),
            },
        }
    }
}

/// Whole seconds, never too few, and of few kinds: a connection prepares each
/// text anew.
fn seconds(left: Duration) -> u64 {
    let seconds = left.as_secs() + 1;
    match seconds {
        ..=5 => seconds,
        _ => seconds.next_power_of_two(),
    }
}

/// What follows the word that a query begins with, which is where the bound
/// has its place; none in what begins otherwise.
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
        let maria = |text| Server::MariaDb.bounded(text, deadline);
        let oracle = |text| Server::MySql.bounded(text, deadline);
        assert_eq!(
            maria("UPDATE a SET b = ?"),
            "SET STATEMENT max_statement_time=2 FOR UPDATE a SET b = ?"
        );
        assert_eq!(oracle("UPDATE a SET b = ?"), "UPDATE a SET b = ?");
        assert_eq!(
            oracle("select\n1"),
            "SELECT /*+ MAX_EXECUTION_TIME(2000) */\n1"
        );
        for text in [
            "SELECTED",
            "(SELECT 1)",
            "WITH a AS (SELECT 1) SELECT 2",
            "é",
        ] {
            assert_eq!(oracle(text), text);
        }
    }
}
