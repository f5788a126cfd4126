//! Settings of a server that would make a node lie or fail, were its sessions
//! as the server makes them.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, Connection, MySqlConnection, Row};
use stores::sql::{mysql_session, mysql_session_checks};
use test_servers::{MariaDb, Redis};

use super::fake::{Answer, FakeMySql, asks_for_facts, facts};
use super::{add, count, database_of, ledger, refusal, url_for};
use crate::catalog::database::Database;
use crate::harness::eventually;
use crate::shop::{Shop, Stores};

/// As many unkind settings as there are that both kinds of servers know.
const HOSTILE: [&str; 24] = [
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
    "lock_wait_timeout = 31536000",
    "innodb_lock_wait_timeout = 1073741824",
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

/// What a session of the node has, and what is asked of a session where the
/// server refuses to set it, are the same.
#[tokio::test]
async fn every_variable_is_set_as_it_is_checked() {
    let servers = [
        (MariaDb::start_mariadb("").expect("a server"), true),
        (MariaDb::start_mysql("").expect("a server"), false),
    ];
    for (server, is_mariadb) in servers {
        // Whatever is not set is otherwise.
        let more = if is_mariadb { &MARIADB[..] } else { &MYSQL };
        let settings = HOSTILE.iter().chain(more);
        let settings = settings.map(|setting| format!("SET GLOBAL {setting}; "));
        server.run(&settings.collect::<String>());
        let mut connection = MySqlConnection::connect(&server_url(&server))
            .await
            .unwrap();
        let set = sqlx::raw_sql(mysql_session())
            .execute(&mut connection)
            .await;
        set.unwrap();
        for (name, check) in mysql_session_checks(is_mariadb) {
            let asked = sqlx::raw_sql(AssertSqlSafe(check.clone()));
            let row = asked.fetch_one(&mut connection).await;
            let row = row.unwrap_or_else(|error| panic!("{check}: {error}"));
            assert_eq!(row.get::<Option<i64>, _>(0), Some(1), "{name}: {check}");
        }
    }
}

fn server_url(server: &MariaDb) -> String {
    format!("mysql://root@127.0.0.1:{}/mysql", server.port())
}

/// The option by which no session has another time than the server.
#[tokio::test]
async fn a_variable_that_cannot_be_set_and_is_right_is_no_failure() {
    let server = MariaDb::start_mariadb("secure_timestamp=YES").expect("a server");
    server.add_user("shop", "secret", "");
    let url = server.database().replace("root@", "shop:secret@");
    let node = ledger(&url).await;
    add(&node, "a").await.assert_status(200);
    node.get("/ledger/entries").await.assert_status(200);
    assert_eq!(count(&server, &url), "1");
}

/// A server that refuses to set a variable, whose value is right or not. It
/// knows nothing of all the rest.
fn refusing(is_right: bool) -> FakeMySql {
    FakeMySql::start("8.0.36", move |statement| {
        let names_it = statement.contains("sql_select_limit");
        match statement {
            _ if asks_for_facts(statement) => facts("8.0.36"),
            "SELECT VERSION()" => Answer::Row(vec!["8.0.36".to_owned()]),
            _ if statement.starts_with("SET") && names_it => {
                Answer::Refused(1227, "Access denied; you need SUPER")
            }
            _ if statement.starts_with("SET") => Answer::Done,
            _ if names_it && statement.contains("CAST") => Answer::Row(vec!["3".to_owned()]),
            _ if names_it => Answer::Number(i64::from(is_right)),
            _ => Answer::Refused(1064, "no such statement"),
        }
    })
}

#[tokio::test]
async fn a_variable_that_cannot_be_set_and_is_wrong_is_named() {
    let server = refusing(false);
    let message = refusal(&server.url()).await;
    for part in [
        "refuses to set sql_select_limit = 18446744073709551615",
        "you need SUPER",
        "its value there is 3",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }

    let server = refusing(true);
    let _node = ledger(&server.url()).await;
    let asked = server.statements();
    let all = asked
        .iter()
        .filter(|one| one.starts_with("SET autocommit = 1,"));
    let without: Vec<_> = all
        .filter(|one| !one.contains("sql_select_limit"))
        .collect();
    assert!(
        !without.is_empty(),
        "the next connection leaves it out: {asked:?}"
    );
}

/// What a client was told has failed is not done later, when a lock goes away.
#[tokio::test]
async fn a_change_behind_a_lock_is_given_up_by_the_server_too() {
    let server = MariaDb::start_mysql("").expect("a server");
    server.add_user("shop", "secret", "");
    let url = url_for(&server, "shop:secret", "");
    let node = ledger(url.trim_end_matches('?')).await;
    add(&node, "before").await.assert_status(200);
    let own = format!(
        "mysql://root@127.0.0.1:{}/{}",
        server.port(),
        database_of(&url)
    );
    let mut root = MySqlConnection::connect(&own).await.expect("the server");
    let lock = sqlx::raw_sql("LOCK TABLES ledger_entry READ");
    lock.execute(&mut root).await.expect("the lock");
    let reply = add(&node, "behind").await;
    assert!([503, 504].contains(&reply.status), "{reply:?}");
    eventually("no statement that waits", async || {
        let waiting = server.run(
            "SELECT id FROM information_schema.processlist \
             WHERE user = 'shop' AND command <> 'Sleep'",
        );
        (waiting.lines().count() <= 1).then_some(())
    })
    .await;
    let unlock = sqlx::raw_sql("UNLOCK TABLES").execute(&mut root).await;
    unlock.expect("no lock");
    add(&node, "after").await.assert_status(200);
    assert_eq!(count(&server, &url), "2");
}
