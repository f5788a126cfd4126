//! The connections of a plugin to MariaDB: how many there are, and what they
//! cost the server.

use std::collections::BTreeSet;
use std::time::Duration;

use edge::config::Lifetimes;
use serde_json::json;
use test_servers::MariaDb;

use super::Ledger;
use crate::harness::{TestNode, eventually, variant};

/// A ledger of up to four connections to a server of its own.
async fn ledger() -> (MariaDb, Ledger) {
    ledger_with(Lifetimes::default()).await
}

/// One whose connections live for so long.
async fn ledger_with(lifetimes: Lifetimes) -> (MariaDb, Ledger) {
    let server = MariaDb::start().expect("a server of one's own");
    let plugins = [variant(
        "ledger",
        "[grants.database]\nconnections = 4\nrows = 50",
    )];
    let node = TestNode::start(&plugins, |settings| {
        settings.database_url = server.database();
        settings.databases.lifetimes = lifetimes;
    });
    let ledger = Ledger { node: node.await };
    ledger.add("first", json!({})).await.assert_status(200);
    (server, ledger)
}

/// The ids of all connections but the one that asks.
fn connections(server: &MariaDb) -> BTreeSet<u64> {
    let ids = "SELECT id FROM information_schema.processlist \
        WHERE command <> 'Daemon' AND id <> CONNECTION_ID()";
    let ids = server.run(ids);
    ids.lines().filter_map(|id| id.parse().ok()).collect()
}

/// How often the server was asked whether it lives, and the like.
fn pings(server: &MariaDb) -> u64 {
    let status = server.run("SHOW GLOBAL STATUS LIKE 'Com_admin_commands'");
    let count = status
        .split_whitespace()
        .last()
        .and_then(|count| count.parse().ok());
    count.unwrap_or_else(|| panic!("no count: {status}"))
}

#[tokio::test]
async fn a_statement_costs_the_server_nothing_else() {
    const REQUESTS: u64 = 50;
    let (server, ledger) = ledger().await;
    let (before, pinged) = (connections(&server), pings(&server));
    for _ in 0..REQUESTS {
        assert_eq!(ledger.names().await, ["first"]);
    }
    assert_eq!(connections(&server), before, "the same ones do it all");
    assert!(pings(&server) - pinged < REQUESTS / 2);
}

#[tokio::test]
async fn an_answer_that_was_not_read_to_its_end_costs_no_connection() {
    let (server, ledger) = ledger().await;
    let before = connections(&server);
    for _ in 0..10 {
        let reply = ledger.node.get("/ledger/many?n=51").await;
        reply.assert_status(200);
        assert_eq!(reply.json()["error"]["name"], "too-large", "{reply:?}");
        eventually("the connection to be free", async || {
            (ledger.names().await == ["first"]).then_some(())
        })
        .await;
    }
    let new: Vec<_> = connections(&server).difference(&before).copied().collect();
    assert!(new.len() <= 3, "four are enough for all: {new:?}");
    assert!(before.is_subset(&connections(&server)), "none was given up");
}

/// Those that break off without a word, so far.
fn aborted(server: &MariaDb) -> String {
    server.run("SHOW GLOBAL STATUS LIKE 'Aborted_clients'")
}

async fn until_none_is_left(server: &MariaDb) {
    eventually("every connection to end", async || {
        connections(server).is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_node_that_stops_says_good_bye() {
    let (server, ledger) = ledger().await;
    assert!(!connections(&server).is_empty());
    let before = aborted(&server);
    ledger.node.stop().await;
    until_none_is_left(&server).await;
    assert_eq!(aborted(&server), before);
}

#[tokio::test]
async fn a_connection_that_nobody_needs_is_closed() {
    let (server, ledger) = ledger_with(Lifetimes {
        idle_timeout: Duration::from_secs(1),
        ..Lifetimes::default()
    })
    .await;
    let before = aborted(&server);
    until_none_is_left(&server).await;
    assert_eq!(aborted(&server), before, "it says good-bye");
    assert_eq!(ledger.names().await, ["first"], "there is another");
}

#[tokio::test]
async fn a_connection_that_is_old_is_made_anew() {
    let (server, ledger) = ledger_with(Lifetimes {
        max_lifetime: Duration::from_secs(1),
        ..Lifetimes::default()
    })
    .await;
    let before = connections(&server);
    eventually("others in their place", async || {
        assert_eq!(ledger.names().await, ["first"]);
        connections(&server).is_disjoint(&before).then_some(())
    })
    .await;
}
