//! A database with something in the way: nothing is changed, the statements
//! that the report names mend it, and then the shop starts.

use serde_json::Value;
use test_servers::MariaDb;

use super::check::{adopt, check, places};
use super::fork::{Original, REQUIRED, UMLAUTS, everything, run, stores};
use crate::catalog::database::Database;
use crate::harness::start_error;
use crate::shop::{Shop, plugins};

/// Where something is in the way.
const IN_THE_WAY: [&str; 11] = [
    "customer.email",
    "customer.email_key",
    "customer.facebook_id",
    "customer.joined_on",
    "customer.legal_form",
    "order_detail.weight",
    "orders.cart_id",
    "orders.ordered_day",
    "orders.priority",
    "orders.warehouse_id",
    "product.supplier",
];

#[tokio::test]
async fn what_is_in_the_way_on_mariadb_is_mended_as_told() {
    refused_mended_and_served(MariaDb::shared()).await;
}

#[tokio::test]
async fn what_is_in_the_way_on_mysql_is_mended_as_told() {
    refused_mended_and_served(MariaDb::shared_mysql()).await;
}

async fn refused_mended_and_served(server: &MariaDb) {
    let database = REQUIRED.restore(server).await;
    let original = Original::read(&database).await;
    let before = everything(&database).await;
    let (code, checked) = check(&database).await;
    assert_eq!(code, Some(7), "{checked:#}");
    assert_eq!(places(&checked, "obstacle"), IN_THE_WAY, "{checked:#}");
    let (code, _, complained) = adopt(&database.url, &[]).await;
    assert_eq!(code, Some(7), "{complained}");
    assert_eq!(everything(&database).await, before);
    refuse_to_serve(&database, &before).await;

    mend(&database, &checked).await;
    let (code, checked) = check(&database).await;
    assert_eq!(code, Some(0), "{checked:#}");
    let stores = stores(database);
    let shop = Shop::open(stores.clone(), |_| {}).await;
    let mut ada = shop.guest();
    ada.email = "ada@example.com".to_owned();
    ada.login().await;
    let order = ada.order_of(1).await;
    let charge = ada.success(&ada.charge(order, "tok_visa").await);
    assert_eq!(charge["paid"], true, "{charge}");
    shop.customer().await;
    // The operator has said that no account at Facebook is none.
    let changed = ["customer.facebook_id"];
    original.assert_kept(&stores.database, &changed).await;
}

/// A node says what is in the way, and leaves the shop's tables alone.
async fn refuse_to_serve(database: &Database, before: &str) {
    let message = start_error(&plugins(), |settings| {
        settings.database_url.clone_from(&database.url);
    })
    .await;
    for part in [
        "customer.legal_form",
        "ALTER TABLE `customer` ALTER COLUMN `legal_form` SET DEFAULT ''",
        "nothing was changed",
        "edge adopt --check",
    ] {
        assert!(message.contains(part), "{message}");
    }
    // The host's own tables are beside them.
    let after = everything(database).await;
    let own = after
        .lines()
        .filter(|line| before.lines().any(|it| it == *line));
    assert_eq!(own.count(), before.lines().count(), "{after}");
}

/// Run the statements of a report, as an operator does.
async fn mend(database: &Database, checked: &Value) {
    let plugins = checked.as_array().expect("plugins").iter();
    let findings =
        plugins.flat_map(|plugin| plugin["report"]["findings"].as_array().expect("a list"));
    for finding in findings.filter(|finding| finding["kind"] == "obstacle") {
        for statement in finding["remedy"].as_array().expect("statements") {
            run(database, statement.as_str().expect("text")).await;
        }
    }
}

/// What is in the way of one plugin keeps the others from changing theirs.
#[tokio::test]
async fn an_obstacle_of_the_last_plugin_changes_no_table_of_the_first() {
    let database = UMLAUTS.restore(MariaDb::shared()).await;
    let added = "ALTER TABLE product ADD COLUMN supplier VARCHAR(40) NOT NULL";
    run(&database, added).await;
    let before = everything(&database).await;
    let message = start_error(&plugins(), |settings| {
        settings.database_url.clone_from(&database.url);
    })
    .await;
    assert!(message.contains("product.supplier"), "{message}");
    let after = everything(&database).await;
    let own = before
        .lines()
        .filter(|line| after.lines().any(|it| it == *line));
    assert_eq!(own.count(), before.lines().count(), "{after}");
}

/// Orders that have another meaning of `reserved` would be closed as ours are.
#[tokio::test]
async fn a_state_of_others_is_not_taken_for_the_plugins_own() {
    let database = UMLAUTS.restore(MariaDb::shared()).await;
    let added = "ALTER TABLE orders ADD COLUMN reserved TINYINT NOT NULL DEFAULT 0";
    run(&database, added).await;
    let (code, checked) = check(&database).await;
    assert_eq!(code, Some(7), "{checked:#}");
    assert_eq!(
        places(&checked, "obstacle"),
        ["orders.reserved"],
        "{checked:#}"
    );
    mend(&database, &checked).await;
    let (code, checked) = check(&database).await;
    assert_eq!(code, Some(0), "{checked:#}");
}
