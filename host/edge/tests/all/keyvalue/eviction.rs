//! A Redis that drops keys by itself is named, and so is one that is none.

use serde_json::Value;
use stores::keyvalue::KeyValue;
use test_servers::{Redis, RedisCluster};

use crate::harness::{Running, data_folder, edge, eventually, fixture, get, refusal};

fn node(url: &str) -> (tempfile::TempDir, Running) {
    let data = data_folder();
    let mut command = edge(data.path());
    command
        .arg("serve")
        .env("EDGE_DATA_DIR", data.path())
        .env("EDGE_PLUGINS", fixture("buckets").path())
        .env("REDIS_URL", url);
    (data, Running::start(&mut command))
}

/// What the node says of its stores.
async fn stores(node: &Running) -> Value {
    let mut wire = node.wire().await;
    wire.send(get("/readyz?verbose")).await;
    wire.reply().await.json()["stores"].clone()
}

#[tokio::test]
async fn a_redis_that_drops_keys_is_named_at_start_and_by_the_probe() {
    let redis = Redis::start().expect("a server");
    redis.run("CONFIG SET maxmemory 100mb");
    redis.run("CONFIG SET maxmemory-policy volatile-lru");
    let (_data, mut node) = node(&redis.url());
    let is_warning = |text: &str| {
        let parts = ["WARN", "volatile-lru", "noeviction"];
        parts.iter().all(|part| text.contains(part))
    };
    // The warning may come before the banner or after it.
    if !is_warning(node.banner()) {
        node.line(is_warning);
    }
    let seen = stores(&node).await;
    let named = seen.as_array().expect("a list").iter();
    let named = named.filter(|store| store["kind"] == "redis");
    let policies: Vec<_> = named.map(|store| store["evicts"].clone()).collect();
    assert_eq!(policies, ["volatile-lru", "volatile-lru"], "{seen}");

    redis.run("CONFIG SET maxmemory-policy noeviction");
    eventually("no more of it", async || {
        let seen = stores(&node).await.to_string();
        (!seen.contains("evicts")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_cluster_that_keeps_all_is_not() {
    let store = KeyValue::redis(&RedisCluster::shared().urls(), "eviction").unwrap();
    store.ping().await.unwrap();
    assert_eq!(store.eviction().await, None);
}

#[tokio::test]
async fn a_sentinel_is_named_at_start() {
    let sentinel = Redis::start_sentinel().expect("a Sentinel");
    let (_data, mut node) = node(&sentinel.url());
    let is_named = |text: &str| {
        let parts = ["ERROR", "Sentinel, which is not supported"];
        parts.iter().all(|part| text.contains(part))
    };
    if !is_named(node.banner()) {
        node.line(is_named);
    }
}

#[tokio::test]
async fn the_url_of_a_sentinel_is_refused() {
    for url in [
        "redis+sentinel://a:26379/primary",
        "redis-sentinel://a",
        "redis://a,rediss+sentinel://b",
    ] {
        let data = data_folder();
        let mut command = edge(data.path());
        command.arg("serve").env("EDGE_DATA_DIR", data.path());
        let told = refusal(command.env("REDIS_URL", url));
        assert!(told.contains("Sentinel, which is not supported"), "{told}");
    }
}
