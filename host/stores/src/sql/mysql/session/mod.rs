//! Sets the session variables that the node relies on.
//!
//! One statement and one round trip suffice, unless the server refuses to set a
//! variable, because an option or a proxy forbids it. Then each variable is set
//! by itself, and one that is refused must already have the right value.

mod variables;

use std::collections::BTreeSet;
use std::sync::{LazyLock, Mutex};

use sqlx::{AssertSqlSafe, Decode, MySql, MySqlConnection, Row, Type};

use crate::lock::lock;
use crate::sql::error::mysql::is_refusal;
use variables::{On, VARIABLES, Variable};

/// Statement that sets all variables, for servers that refuse none. MariaDB and
/// MySQL get the same text: each runs the executable comments that are meant
/// for it (`/*M!` and `/*!`), and skips the others.
static SET_ALL: LazyLock<String> = LazyLock::new(|| set(&BTreeSet::new()));

/// A variable that the server does not let sessions set, and whose value is not
/// the one that the node relies on.
#[derive(Debug, thiserror::Error)]
#[error(
    "the server refuses to set {assignment} for a session ({refusal}), and its value there is \
     {value}; set it so for all sessions"
)]
struct RefusedVariable {
    assignment: String,
    refusal: String,
    value: String,
}

/// Session state of one server.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// Variables that the server refused to set and that had the right value.
    refused: Mutex<BTreeSet<&'static str>>,
}

impl Sessions {
    /// Sets the session variables of `connection`.
    ///
    /// # Errors
    /// Errors of the driver; also when the server lacks one of the variables,
    /// or refuses to set one that has a wrong value.
    pub(super) async fn prepare(&self, connection: &mut MySqlConnection) -> sqlx::Result<()> {
        let known = self.refused();
        let text = match known.is_empty() {
            true => SET_ALL.clone(),
            false => set(&known),
        };
        match sqlx::raw_sql(AssertSqlSafe(text))
            .execute(&mut *connection)
            .await
        {
            Ok(_) if known.is_empty() => Ok(()),
            Ok(_) => check(connection, &known).await,
            Err(error) if is_refusal(&error) => {
                let found = set_one_by_one(connection).await?;
                let mut refused = lock(&self.refused);
                *refused = found;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn refused(&self) -> BTreeSet<&'static str> {
        let refused = lock(&self.refused);
        refused.clone()
    }
}

/// Returns the statement that sets all variables except those in `refused`.
fn set(refused: &BTreeSet<&str>) -> String {
    let mut text = "SET ".to_owned();
    let mut is_first = true;
    for variable in VARIABLES.iter().filter(|one| !refused.contains(one.name)) {
        let assignment = variable.assignment();
        text += &match variable.on {
            On::Both if is_first => assignment,
            On::Both => format!(", {assignment}"),
            On::MariaDb => format!(" /*M!100500 , {assignment} */"),
            On::MariaDb1010 => format!(" /*M!101000 , {assignment} */"),
            On::MySql => format!(" /*!80000 , {assignment} */"),
        };
        is_first = false;
    }
    text
}

/// Returns the statement with which the node prepares its sessions.
#[must_use]
pub fn mysql_session() -> &'static str {
    &SET_ALL
}

/// Returns the name of each session variable for MariaDB, or else for MySQL,
/// with a query whose result is 1 if the variable has the value that the node
/// needs.
pub fn mysql_session_checks(is_mariadb: bool) -> impl Iterator<Item = (&'static str, String)> {
    variables_of(is_mariadb).map(|variable| (variable.name, variable.check()))
}

fn variables_of(is_mariadb: bool) -> impl Iterator<Item = &'static Variable> {
    VARIABLES.iter().filter(move |one| match one.on {
        On::Both => true,
        On::MariaDb | On::MariaDb1010 => is_mariadb,
        On::MySql => !is_mariadb,
    })
}

/// Sets each variable by itself. Returns the variables that the server refuses
/// to set and that have the right value.
async fn set_one_by_one(connection: &mut MySqlConnection) -> sqlx::Result<BTreeSet<&'static str>> {
    let is_mariadb = is_mariadb(connection).await?;
    let mut refused = BTreeSet::new();
    for variable in variables_of(is_mariadb) {
        let text = variable.statement();
        match sqlx::raw_sql(AssertSqlSafe(text))
            .execute(&mut *connection)
            .await
        {
            Ok(_) => {}
            Err(error) if is_refusal(&error) => {
                check_one(connection, variable, &error.to_string()).await?;
                refused.insert(variable.name);
            }
            Err(error) => return Err(error),
        }
    }
    tracing::debug!(
        ?refused,
        "a database server does not let sessions set these"
    );
    Ok(refused)
}

/// Checks that each of the variables `names` has the right value.
async fn check(connection: &mut MySqlConnection, names: &BTreeSet<&str>) -> sqlx::Result<()> {
    let is_mariadb = is_mariadb(connection).await?;
    for variable in variables_of(is_mariadb).filter(|one| names.contains(one.name)) {
        check_one(connection, variable, "as before").await?;
    }
    Ok(())
}

/// Checks that a variable which the server refused to set has the right value.
async fn check_one(
    connection: &mut MySqlConnection,
    variable: &Variable,
    refusal: &str,
) -> sqlx::Result<()> {
    let is_right: Option<i64> = ask(connection, variable.check()).await?;
    if is_right == Some(1) {
        return Ok(());
    }
    let value: Option<String> = ask(connection, variable.show()).await?;
    let wrong = RefusedVariable {
        assignment: variable.assignment(),
        refusal: refusal.to_owned(),
        value: value.unwrap_or_else(|| "NULL".to_owned()),
    };
    Err(sqlx::Error::Configuration(Box::new(wrong)))
}

async fn is_mariadb(connection: &mut MySqlConnection) -> sqlx::Result<bool> {
    let version: String = ask(connection, "SELECT VERSION()".to_owned()).await?;
    Ok(version.contains("MariaDB"))
}

/// Returns the single value of a query's result.
async fn ask<T>(connection: &mut MySqlConnection, query: String) -> sqlx::Result<T>
where
    for<'r> T: Decode<'r, MySql> + Type<MySql>,
{
    let row = sqlx::raw_sql(AssertSqlSafe(query)).fetch_one(connection);
    row.await?.try_get(0)
}

#[cfg(test)]
mod tests {
    use super::super::statement_timeout::USUAL;
    use super::*;

    #[test]
    fn sessions_bound_statements_by_the_usual_time() {
        let seconds = USUAL.as_secs();
        assert!(SET_ALL.contains(&format!("max_statement_time = {seconds} */")));
        assert!(SET_ALL.contains(&format!("max_execution_time = {seconds}000 */")));
    }

    /// A connection that is kept for as long as the settings say must not be
    /// closed earlier by the server.
    #[test]
    fn servers_keep_idle_connections_longer_than_the_node_does() {
        let idle = crate::sql::Lifetimes::default().idle_timeout;
        assert!(idle < std::time::Duration::from_secs(28_800));
    }

    /// MariaDB before 10.10 (10.5.17, 10.6.9, ...) has the variable as a global
    /// one only.
    #[test]
    fn a_variable_of_later_versions_is_not_sent_to_earlier_ones() {
        let name = "explicit_defaults_for_timestamp";
        assert!(SET_ALL.contains(&format!("/*M!101000 , {name} = 1 */")));
        let text = set(&["timestamp"].into());
        assert!(!text.contains(&format!("1, {name}")), "{text}");
        let later = VARIABLES.iter().find(|one| one.on == On::MariaDb1010);
        let alone = later.expect("one").statement();
        assert_eq!(
            alone,
            format!("SET autocommit = 1 /*M!101000 , {name} = 1 */")
        );
    }

    #[test]
    fn what_a_server_refuses_is_left_out() {
        let text = set(&["timestamp", "sql_mode"].into());
        assert!(text.starts_with("SET autocommit = 1, "), "{text}");
        assert!(!text.contains(" timestamp = "), "{text}");
        assert!(!text.contains("sql_mode"), "{text}");
        let text = set(&["autocommit"].into());
        assert!(text.starts_with("SET completion_type"), "{text}");
    }
}
