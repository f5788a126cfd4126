//! What a connection sets for its session, so that nothing depends on what a
//! server's administrator has set for everybody, by option or `init_connect`.

use sqlx::MySqlConnection;

/// Makes the session what the node relies on, in one round trip.
///
/// MariaDB and MySQL read the same text: each takes the comments that are
/// meant for it as statements (`/*M!` and `/*!`), and skips the others.
/// Variables that only an administrator may set are not here: their defaults
/// either do no harm (`sql_generate_invisible_primary_key`), or make a
/// statement fail loudly (`sql_require_primary_key`).
const SET: &str = "SET \
    autocommit = 1, \
    completion_type = 0, \
    sql_mode = \
        /*M!100500 'PIPES_AS_CONCAT,STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,\
NO_ENGINE_SUBSTITUTION' */ \
        /*!80000 'PIPES_AS_CONCAT,ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,\
NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION' */, \
    time_zone = '+00:00', \
    timestamp = DEFAULT, \
    lc_time_names = 'en_US', \
    default_week_format = 0, \
    foreign_key_checks = 1, \
    unique_checks = 1, \
    sql_safe_updates = 0, \
    sql_auto_is_null = 0, \
    sql_big_selects = 1, \
    max_join_size = 18446744073709551615, \
    sql_select_limit = 18446744073709551615, \
    max_sort_length = 1024, \
    group_concat_max_len = 1048576, \
    div_precision_increment = 4, \
    updatable_views_with_limit = 1, \
    /*!80000 explicit_defaults_for_timestamp = 1, */ \
    /*M!101000 explicit_defaults_for_timestamp = 1, */ \
    default_storage_engine = 'InnoDB', \
    sql_quote_show_create = 1, \
    wait_timeout = 28800, \
    net_read_timeout = 30, \
    net_write_timeout = 60 \
    /*M!100500 , \
        tx_isolation = 'REPEATABLE-READ', \
        tx_read_only = 0, \
        check_constraint_checks = 1, \
        sql_if_exists = 0, \
        low_priority_updates = 0, \
        max_statement_time = 5 */ \
    /*!80000 , \
        transaction_isolation = 'REPEATABLE-READ', \
        transaction_read_only = 0, \
        max_execution_time = 5000 */, \
    NAMES utf8mb4";

/// Sets what the session of `connection` is to be.
///
/// # Errors
/// Those of the driver; also when the server lacks one of the variables.
pub(super) async fn prepare(connection: &mut MySqlConnection) -> sqlx::Result<()> {
    sqlx::raw_sql(SET).execute(connection).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::super::bounded::USUAL;
    use super::SET;

    #[test]
    fn sessions_bound_statements_by_the_usual_time() {
        let seconds = USUAL.as_secs();
        assert!(SET.contains(&format!("max_statement_time = {seconds} */")));
        assert!(SET.contains(&format!("max_execution_time = {seconds}000 */")));
    }

    /// A connection that is kept for as long as the settings say must not be
    /// closed by the server before.
    #[test]
    fn servers_keep_idle_connections_longer_than_the_node_does() {
        let idle = crate::config::Lifetimes::default().idle_timeout;
        assert!(idle < std::time::Duration::from_secs(28_800));
    }
}
