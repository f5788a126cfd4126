//! Variables that the node sets for each session, so that nothing depends on
//! the administrator's global settings, made by option or by `init_connect`.
//!
//! Variables that only an administrator may set are not listed: their defaults
//! either do no harm (`sql_generate_invisible_primary_key`), or make a
//! statement fail with an error (`sql_require_primary_key`).

/// Servers that know a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    Both,
    MariaDb,
    /// MariaDB 10.10 and newer; earlier versions have the variable as a global
    /// one only.
    MariaDb1010,
    MySql,
}

/// A session variable and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) name: &'static str,
    /// Value as an SQL expression.
    pub(super) value: &'static str,
    pub(super) on: On,
    /// Condition that holds if the session has the right value. `None` for a
    /// variable whose value is compared as it is.
    check: Option<&'static str>,
}

impl Variable {
    /// Returns the assignment of the value, as in a SET statement.
    pub(super) fn assignment(&self) -> String {
        match self.name {
            // NAMES is set without an equals sign.
            NAMES => format!("NAMES {}", self.value),
            name => format!("{name} = {}", self.value),
        }
    }

    /// Returns the statement that sets this variable alone.
    pub(super) fn statement(&self) -> String {
        match self.on {
            On::MariaDb1010 => format!("SET autocommit = 1 /*M!101000 , {} */", self.assignment()),
            _ => format!("SET {}", self.assignment()),
        }
    }

    /// Returns the query whose result is 1 if the session has the right value.
    pub(super) fn check(&self) -> String {
        match self.check {
            Some(check) => format!("SELECT {check}"),
            None => format!("SELECT @@SESSION.{} = {}", self.name, self.value),
        }
    }

    /// Returns the query that shows the session's current value.
    pub(super) fn show(&self) -> String {
        let variable = match self.name {
            NAMES => "character_set_client",
            name => name,
        };
        format!("SELECT CAST(@@SESSION.{variable} AS CHAR)")
    }
}

/// Keyword that sets the character set of all texts sent and received.
const NAMES: &str = "NAMES";

const fn both(name: &'static str, value: &'static str) -> Variable {
    Variable {
        name,
        value,
        on: On::Both,
        check: None,
    }
}

const fn on(on: On, name: &'static str, value: &'static str) -> Variable {
    Variable {
        name,
        value,
        on,
        check: None,
    }
}

const fn checked(variable: Variable, check: &'static str) -> Variable {
    Variable {
        check: Some(check),
        ..variable
    }
}

use On::{MariaDb, MariaDb1010, MySql};

pub(super) const VARIABLES: &[Variable] = &[
    both("autocommit", "1"),
    checked(
        both("completion_type", "0"),
        "@@SESSION.completion_type = 'NO_CHAIN'",
    ),
    on(
        MariaDb,
        "sql_mode",
        "'PIPES_AS_CONCAT,STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
    ),
    on(
        MySql,
        "sql_mode",
        "'PIPES_AS_CONCAT,ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,\
         ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
    ),
    checked(
        both("time_zone", "'+00:00'"),
        "@@SESSION.time_zone IN ('+00:00', 'UTC')",
    ),
    checked(
        both("timestamp", "DEFAULT"),
        // In a session with another timestamp, the clock stands still.
        "ABS(@@SESSION.timestamp - UNIX_TIMESTAMP(SYSDATE(6))) < 5",
    ),
    both("lc_time_names", "'en_US'"),
    both("default_week_format", "0"),
    both("foreign_key_checks", "1"),
    both("unique_checks", "1"),
    both("sql_safe_updates", "0"),
    both("sql_auto_is_null", "0"),
    both("sql_big_selects", "1"),
    both("max_join_size", "18446744073709551615"),
    both("sql_select_limit", "18446744073709551615"),
    both("max_sort_length", "1024"),
    both("group_concat_max_len", "1048576"),
    both("div_precision_increment", "4"),
    checked(
        both("updatable_views_with_limit", "1"),
        "@@SESSION.updatable_views_with_limit = 'YES'",
    ),
    on(MySql, "explicit_defaults_for_timestamp", "1"),
    on(MariaDb1010, "explicit_defaults_for_timestamp", "1"),
    both("default_storage_engine", "'InnoDB'"),
    both("sql_quote_show_create", "1"),
    checked(
        both("wait_timeout", "28800"),
        "@@SESSION.wait_timeout >= 28800",
    ),
    both("net_read_timeout", "30"),
    both("net_write_timeout", "60"),
    on(MariaDb, "tx_isolation", "'REPEATABLE-READ'"),
    on(MariaDb, "tx_read_only", "0"),
    on(MariaDb, "check_constraint_checks", "1"),
    on(MariaDb, "sql_if_exists", "0"),
    on(MariaDb, "low_priority_updates", "0"),
    on(MariaDb, "max_statement_time", "5"),
    on(MySql, "transaction_isolation", "'REPEATABLE-READ'"),
    on(MySql, "transaction_read_only", "0"),
    on(MySql, "max_execution_time", "5000"),
    // `max_execution_time` covers SELECT only. An abandoned change gives up,
    // and is not made when a lock is released after a long time. A lower value
    // set by an administrator is kept.
    on(
        MySql,
        "lock_wait_timeout",
        "CAST(LEAST(@@GLOBAL.lock_wait_timeout, 5) AS UNSIGNED)",
    ),
    on(
        MySql,
        "innodb_lock_wait_timeout",
        "CAST(LEAST(@@GLOBAL.innodb_lock_wait_timeout, 5) AS UNSIGNED)",
    ),
    checked(
        both(NAMES, "utf8mb4"),
        "@@SESSION.character_set_client = 'utf8mb4' \
         AND @@SESSION.character_set_connection = 'utf8mb4' \
         AND @@SESSION.character_set_results = 'utf8mb4'",
    ),
];
