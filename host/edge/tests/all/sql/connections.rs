//! How many connections a node has, and may have, to database servers.

use std::time::Duration;

use serde_json::{Value, json};
use test_servers::MariaDb;

use crate::harness::{
    Mode, PluginFolder, Proxy, TOKEN, TestNode, edge, empty_data_folder, eventually, variant,
};

/// Another release of the ledger, with as many connections.
fn second() -> PluginFolder {
    let changes = "version = \"0.2.0\"\n[grants.database]\nconnections = 10";
    variant("ledger", changes)
}

fn open_connections(server: &MariaDb) -> usize {
    let ids = "SELECT id FROM information_schema.processlist \
        WHERE command <> 'Daemon' AND id <> CONNECTION_ID()";
    let ids = server.run(ids);
    ids.lines().filter_map(|id| id.parse::<u64>().ok()).count()
}

async fn pools(node: &TestNode) -> Vec<Value> {
    eventually("a report of connections", async || {
        let status = node.operator().get("/v1/status").await;
        let pools = status["nodes"][0]["connections"].as_array()?.clone();
        (!pools.is_empty()).then_some(pools)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_the_connections_of_each_store() {
    let server = MariaDb::start().expect("a server of one's own");
    let plugins = [variant("ledger", "[grants.database]\nconnections = 3")];
    let node = TestNode::start(&plugins, |settings| {
        settings.database_url = server.database();
        settings.control_url.clone_from(&settings.database_url);
    })
    .await;
    node.get("/ledger/entries").await.assert_status(200);
    let pools = pools(&node).await;
    let named = |name: &str| pools.iter().find(|pool| pool["store"] == name).cloned();
    let ledger = named("database of ledger").expect("its pool");
    assert_eq!(
        (&ledger["system"], &ledger["most"]),
        (&json!("mysql"), &json!(3))
    );
    for own in ["control", "revoked tokens"] {
        assert_eq!(named(own).expect(own)["most"], 2, "{own}");
    }
    let folder = empty_data_folder();
    let output = edge(folder.path())
        .args(["status", "--connections"])
        .env("EDGE_ADMIN_URL", node.admin_url())
        .env("EDGE_ADMIN_TOKEN", TOKEN)
        .output()
        .expect("it runs");
    let shown = String::from_utf8(output.stdout).expect("text");
    for part in [
        "IN USE",
        "WAITING",
        "database of ledger",
        "revoked tokens",
        "mysql",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

/// A plugin of up to ten connections, and two releases of it, never have more
/// than the node may, and the new one takes over what the old one has idle.
#[tokio::test(flavor = "multi_thread")]
async fn all_plugins_of_a_node_share_one_bound() {
    const BOUND: u32 = 8;
    let server = MariaDb::start().expect("a server of one's own");
    let proxy = Proxy::before(server.port()).await;
    let direct = server.database();
    let (_, name) = direct.rsplit_once('/').expect("a name");
    let url = format!("mysql://root@{}/{name}", proxy.address());
    let plugins = [variant("ledger", "[grants.database]\nconnections = 10")];
    let node = TestNode::start(&plugins, |settings| {
        settings.database_url = url;
        settings.control_url.clone_from(&direct);
        settings.databases.connections_total = Some(BOUND);
        settings.queue_timeout = Duration::from_secs(5);
    })
    .await;
    proxy.set(Mode::Delay(Duration::from_millis(10))).await;
    let asking: Vec<_> = (0..12).map(|_| node.spawn_get("/ledger/entries")).collect();
    let mut most = 0;
    for one in asking {
        most = most.max(open_connections(&server));
        let reply = one.await.expect("a reply");
        reply.assert_status(200);
    }
    assert!(most <= BOUND as usize, "{most} connections");
    // A release that comes takes over what the old one has idle.
    node.operator().deploy(&second()).await;
    node.get("/ledger/entries").await.assert_status(200);
    // The one that migrated counts no more, and takes a moment to be gone.
    eventually("no more connections than the node may have", async || {
        (open_connections(&server) <= BOUND as usize).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_fewer_connections_than_the_nodes_may_ask_for_is_warned_of() {
    let server = MariaDb::start().expect("a server of one's own");
    server.run("SET GLOBAL max_connections = 20");
    let plugins = [variant("ledger", "[grants.database]\nconnections = 50")];
    let node = TestNode::start(&plugins, |settings| {
        settings.database_url = server.database();
        settings.control_url.clone_from(&settings.database_url);
    })
    .await;
    let told = eventually("a warning", async || {
        let status = node.operator().get("/v1/status").await;
        let warnings = status["nodes"][0]["warnings"].to_string();
        warnings
            .contains("max_connections is 20")
            .then_some(warnings)
    })
    .await;
    for part in [
        "1 live node(s) may open 54 connections",
        "database_connections_total to 20",
    ] {
        assert!(told.contains(part), "{told}");
    }
}
