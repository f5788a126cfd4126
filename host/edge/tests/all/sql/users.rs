//! A user of the MySQL server for each plugin, as `edge db grants` makes them:
//! the second wall where the database is a server.

use std::collections::BTreeMap;

use sqlx::{Connection, MySqlConnection};
use test_servers::MariaDb;

use crate::harness::{TestNode, edge, start_error, variant};
use crate::shop::{Shop, Stores};

/// The URL of each plugin's user, by the plugin, as the command prints them.
fn make_users(url: &str) -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let plugins = concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins");
    let output = edge(folder.path())
        .env("DATABASE_URL", url)
        .args(["db", "grants"])
        .args(["customer", "order", "payment", "product"].map(|name| format!("{plugins}/{name}")))
        .output()
        .expect("the command");
    assert!(output.status.success(), "{output:?}");
    let statements = String::from_utf8(output.stdout).expect("text");
    MariaDb::shared().run(&statements);
    let urls = statements.lines().filter_map(|line| {
        let (_, setting) = line.split_once(": DATABASE_URL_")?;
        let (plugin, url) = setting.split_once('=')?;
        Some((plugin.to_lowercase(), url.to_owned()))
    });
    urls.collect()
}

#[tokio::test]
async fn each_plugin_has_rights_on_its_own_tables_alone() {
    let stores = Stores::new(crate::catalog::database::Store::MariaDb);
    let urls = make_users(&stores.database.url);
    assert_eq!(urls.len(), 4, "{urls:?}");

    // The users may do all that the shop does, from its first start on.
    let shop = Shop::open(stores.into(), |settings| {
        settings.databases.plugin_urls.clone_from(&urls);
    })
    .await;
    let shopper = shop.customer().await;
    let order = shopper.order_of(1).await;
    let charged = shopper.charge(order, "tok_visa").await;
    charged.assert_status(200);
    let merchant = shop.merchant().await;
    let orders = merchant.get("/admin/orders").await;
    orders.assert_status(200);

    // And nothing else, whatever they ask for.
    let mut payment = MySqlConnection::connect(&urls["payment"])
        .await
        .expect("a user");
    let mut run = async |text: &'static str| sqlx::raw_sql(text).execute(&mut payment).await;
    run("SELECT * FROM payment_attempt")
        .await
        .expect("its own table");
    for text in [
        "SELECT * FROM customer",
        "SELECT password FROM customer",
        "UPDATE orders SET status = 1",
        "DELETE FROM edge_audit",
        "SELECT * FROM edge_release_log",
        "INSERT INTO edge_migrations_order (version) VALUES (1)",
        "CREATE TABLE mine (a INT)",
        "DROP TABLE payment_attempt",
        "ALTER TABLE customer ADD COLUMN a INT",
        "CREATE TRIGGER t AFTER INSERT ON payment_attempt FOR EACH ROW DELETE FROM customer",
        "SELECT * FROM mysql.user",
        "SELECT LOAD_FILE('/etc/passwd') FROM mysql.user",
        "SET GLOBAL general_log = 1",
    ] {
        let refused = run(text).await;
        assert!(refused.is_err(), "{text}: {refused:?}");
    }
}

#[test]
fn a_file_has_no_users() {
    let folder = tempfile::tempdir().expect("a folder");
    let plugin = concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins/order");
    let output = edge(folder.path())
        .args(["db", "grants", plugin])
        .output()
        .expect("the command");
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("DATABASE_URL"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_takes_tables_that_it_may_not_make() {
    let server = MariaDb::shared();
    let database = server.database();
    let start = async |url: &str| {
        TestNode::start(&[variant("hello", "")], |settings| {
            settings.control_url = url.to_owned();
        })
        .await
    };
    start(&database).await.stop().await;
    let name = database.rsplit('/').next().expect("a name");
    server.run(&format!(
        "CREATE USER few_rights IDENTIFIED BY 'secret'; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON {name}.* TO few_rights"
    ));
    let few = database.replace("root@", "few_rights:secret@");
    let node = start(&few).await;
    let next = variant("hello", "version = \"0.9.0\"");
    node.operator().deploy(&next).await;
    node.stop().await;

    server.run(&format!("DROP TABLE {name}.edge_release_head"));
    let error = start_error(&[next], |settings| settings.control_url.clone_from(&few)).await;
    assert!(error.contains("edge_release_head"), "{error}");
}
