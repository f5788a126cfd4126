//! Settings of a server that would make a node lie or fail, were its sessions
//! as the server makes them.

use std::sync::Arc;

use super::{add, count, database_of, ledger};
use crate::catalog::database::Database;
use crate::servers::{MariaDb, Redis};
use crate::shop::{Shop, Stores};

/// As many unkind settings as there are that both kinds of servers know.
const HOSTILE: [&str; 22] = [
    "completion_type = 'CHAIN'",
    "sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,HIGH_NOT_PRECEDENCE,PAD_CHAR_TO_FULL_LENGTH'",
    "time_zone = '+09:30'",
    "default_storage_engine = 'MyISAM'",
    "character_set_server = 'latin1'",
    "max_allowed_packet = 1048576",
    "sql_safe_updates = 1",
    "sql_select_limit = 3",
    "max_join_size = 10",
    "group_concat_max_len = 4",
    "max_sort_length = 8",
    "div_precision_increment = 0",
    "default_week_format = 6",
    "lc_time_names = 'fr_FR'",
    "low_priority_updates = 1",
    "foreign_key_checks = 0",
    "unique_checks = 0",
    "sql_auto_is_null = 1",
    "explicit_defaults_for_timestamp = 0",
    "wait_timeout = 2",
    "init_connect = 'SET autocommit = 0, sql_auto_is_null = 1, timestamp = 1'",
    "autocommit = 0",
];

const MARIADB: [&str; 4] = [
    "max_statement_time = 0.0001",
    "check_constraint_checks = 0",
    "tx_isolation = 'READ-UNCOMMITTED'",
    "tx_read_only = 1",
];

const MYSQL: [&str; 5] = [
    "max_execution_time = 1",
    "sql_generate_invisible_primary_key = 1",
    "sql_require_primary_key = 1",
    "transaction_isolation = 'READ-UNCOMMITTED'",
    "transaction_read_only = 1",
];

/// For the administrator's own look.
const RESET: &str = "SET sql_select_limit = 18446744073709551615, sql_big_selects = 1, \
    max_join_size = 18446744073709551615 /*M!100500 , max_statement_time = 0 */ \
    /*!80000 , max_execution_time = 0 */";

/// A whole shop on a server of the most unkind settings: what it says is done
/// is there, for somebody else to see.
async fn a_shop_on(server: MariaDb, more: &[&str]) {
    server.add_user("shop", "secret", "");
    let mut database = Database::of(&server);
    database.url = database.url.replace("root@", "shop:secret@");
    let name = database_of(&database.url).to_owned();
    let settings = HOSTILE
        .iter()
        .chain(more)
        .map(|setting| format!("SET GLOBAL {setting}; "));
    server.run(&settings.collect::<String>());
    let stores = Stores::at(database, Redis::shared().database());
    let shop = Shop::open(Arc::new(stores), |_| {}).await;
    let customer = shop.customer().await;
    let order = customer.order_of(1).await;
    let charged = customer.charge(order, "tok_visa").await;
    charged.assert_status(200);
    let merchant = shop.merchant().await;
    merchant.get("/admin/orders").await.assert_status(200);

    let found = |statement: &str| {
        // The administrator's own sessions are as unkind.
        let shown = server.run(&format!("{RESET}; USE {name}; {statement}"));
        let values = shown.lines().skip(1).map(str::to_owned);
        values.collect::<Vec<_>>()
    };
    assert_eq!(found("SELECT COUNT(*) FROM customer"), ["2"]);
    assert_eq!(found("SELECT COUNT(*) FROM payment_attempt"), ["1"]);
    let others = "SELECT table_name FROM information_schema.tables \
        WHERE table_schema = DATABASE() AND engine <> 'InnoDB'";
    assert!(found(others).is_empty(), "{:?}", found(others));
    // What the driver notes of migrations are names of files, in plain letters.
    let others = "SELECT CONCAT(table_name, '.', column_name) FROM information_schema.columns \
        WHERE table_schema = DATABASE() AND character_set_name NOT IN ('utf8mb4', 'ascii') \
        AND column_name <> 'description'";
    assert!(found(others).is_empty(), "{:?}", found(others));
}

#[tokio::test]
async fn a_shop_serves_on_mariadb_with_hostile_settings() {
    a_shop_on(MariaDb::start_mariadb("").expect("a server"), &MARIADB).await;
}

#[tokio::test]
async fn a_shop_serves_on_mysql_with_hostile_settings() {
    a_shop_on(MariaDb::start_mysql("").expect("a server"), &MYSQL).await;
}

/// One at a time: what two of them do together may look right.
const SINGLE: [&str; 12] = [
    "autocommit = 0",
    "completion_type = 'RELEASE'",
    "sql_mode = 'ANSI_QUOTES'",
    "sql_mode = ''",
    "time_zone = '-11:00'",
    "default_storage_engine = 'MyISAM'",
    "sql_safe_updates = 1",
    "sql_select_limit = 1",
    "max_join_size = 1",
    "max_sort_length = 4",
    "wait_timeout = 1",
    "init_connect = 'SET autocommit = 0, sql_mode = \"NO_BACKSLASH_ESCAPES\"'",
];

async fn each_alone_on(server: &MariaDb) {
    for setting in SINGLE {
        let (variable, _) = setting.split_once(" = ").expect("a variable");
        let url = server.database().replace("root@", "shop:secret@");
        server.run(&format!("SET GLOBAL {setting}"));
        let node = ledger(&url).await;
        for name in ["b\\'", "a"] {
            add(&node, name).await.assert_status(200);
        }
        let two = node.request(http::Method::POST, "/ledger/two?name=c&then=commit");
        two.await.assert_status(200);
        let entries = node.get("/ledger/entries").await.json();
        drop(node);
        server.run(&format!("SET GLOBAL {variable} = DEFAULT"));
        let entries = entries.as_array().expect("a list");
        let names: Vec<_> = entries.iter().map(|entry| &entry["name"]).collect();
        assert_eq!(names, ["b\\'", "a", "c-1", "c-2"], "{setting}");
        assert_eq!(
            entries[0]["booked_on"], "2019-07-21T08:56:02.000Z",
            "{setting}"
        );
        assert_eq!(count(server, &url), "4", "{setting}");
    }
}

#[tokio::test]
async fn no_single_setting_of_mariadb_matters() {
    let server = MariaDb::start_mariadb("").expect("a server");
    server.add_user("shop", "secret", "");
    each_alone_on(&server).await;
}

#[tokio::test]
async fn no_single_setting_of_mysql_matters() {
    let server = MariaDb::start_mysql("").expect("a server");
    server.add_user("shop", "secret", "");
    each_alone_on(&server).await;
}
