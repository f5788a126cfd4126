//! Redis by TLS, as `rediss://` says.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use stores::keyvalue::{Error, KeyValue};
use tempfile::TempDir;
use test_servers::{Authority, Redis, RedisCluster};

use super::bucket;
use crate::harness::{Reply, Running, data_folder, edge, eventually, fixture, get};

/// A node with buckets in `redis`, which trusts what the file says and nobody
/// else.
fn node(redis: &Redis, trusted: &str) -> (TempDir, Running) {
    let data = data_folder();
    let mut command = edge(data.path());
    command
        .arg("serve")
        .env("EDGE_DATA_DIR", data.path())
        .env("EDGE_PLUGINS", fixture("buckets").path())
        .env("REDIS_URL", redis.tls_url())
        .env("SSL_CERT_FILE", trusted);
    (data, Running::start(&mut command))
}

async fn value(node: &Running) -> Reply {
    let mut wire = node.wire().await;
    wire.send(get("/buckets/values/a")).await;
    wire.reply().await
}

#[tokio::test]
async fn a_server_with_a_trusted_certificate_keeps_values() {
    let redis = Redis::start_tls().expect("Redis");
    let (_data, mut node) = node(&redis, &redis.certificate().display().to_string());
    node.banner();
    let mut wire = node.wire().await;
    let put = "PUT /buckets/values/a HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\
               content-type: application/octet-stream\r\n\r\none";
    wire.send(put).await;
    wire.reply().await.assert_status(200);
    assert_eq!(value(&node).await.json()["value"], json!("one"));
}

/// An issuer of one's own, which the URL names.
#[tokio::test]
async fn the_issuer_of_the_url_is_the_one_that_counts() {
    let redis = Redis::start_tls().expect("Redis");
    let other = Redis::start_tls().expect("Redis");
    let open = |trusted: &Redis| {
        let file = trusted.certificate();
        let url = format!("{}?ssl-ca={}", redis.tls_url(), file.display());
        KeyValue::redis(&url, "test").expect("a store")
    };
    let right = open(&redis);
    bucket(&right, "order", "carts")
        .set("a", b"one")
        .await
        .expect("trust");
    let wrong = open(&other);
    let refused = bucket(&wrong, "order", "carts").get("a").await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
}

#[tokio::test]
async fn one_that_nobody_vouches_for_is_not_spoken_with() {
    let redis = Redis::start_tls().expect("Redis");
    let other = Redis::start_tls().expect("Redis");
    let (_data, mut node) = node(&redis, &other.certificate().display().to_string());
    node.banner();
    let refused = eventually("a refusal", async || {
        let reply = value(&node).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
        (reply.status != 200).then_some(reply)
    })
    .await;
    refused.assert_status(503);
}

/// A cluster whose nodes have certificates of an issuer of one's own, and name
/// each other by their ports with TLS.
#[tokio::test]
async fn a_cluster_with_an_issuer_of_ones_own_is_spoken_with() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let cluster = RedisCluster::start_tls(&ours).expect("a cluster");
    let other = tempfile::tempdir().expect("a folder");
    theirs.issue(other.path());
    let wrong = other.path().join("ca.pem").display().to_string();
    let named = |node| cluster.url(node).replace("rediss://", "rediss-cluster://");
    for urls in [cluster.urls(), cluster.url(0), named(1)] {
        let store = KeyValue::redis(&urls, "test").expect("a store");
        let carts = bucket(&store, "order", "carts");
        // Enough for each node to have some.
        for n in 0..30 {
            let key = format!("key {n}");
            carts.set(&key, b"1").await.expect("trust");
            assert_eq!(carts.increment(&key, 1).await, Ok(2), "{urls}");
        }
        let right = cluster.certificate(0).display().to_string();
        let refused = urls.split(',').next().expect("a URL");
        let refused = refused
            .replace(&right, &wrong)
            .replace(&cluster.certificate(1).display().to_string(), &wrong);
        let store = KeyValue::redis(&refused, "test").expect("a store");
        let refused = bucket(&store, "order", "carts").get("key 1").await;
        assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    }
}

/// Keys that move are followed by TLS as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_of_a_cluster_with_tls_move_under_load() {
    let cluster = RedisCluster::start_tls(&Authority::new("ours")).expect("a cluster");
    let cluster = Arc::new(cluster);
    let store = KeyValue::redis(&cluster.urls(), "test").expect("a store");
    let carts = &bucket(&store, "order", "carts");
    let is_over = &AtomicBool::new(false);
    let begun = &AtomicBool::new(false);
    let counting = async {
        let mut counted = 0;
        while !is_over.load(Ordering::Relaxed) {
            let key = format!("counter {}", counted % 100);
            let sum = carts.increment(&key, 1).await;
            assert_eq!(sum, Ok(counted / 100 + 1), "{key}");
            counted += 1;
            begun.store(counted > 100, Ordering::Relaxed);
        }
    };
    let moving = async {
        while !begun.load(Ordering::Relaxed) {
            tokio::task::yield_now().await;
        }
        let cluster = cluster.clone();
        let moved = tokio::task::spawn_blocking(move || cluster.move_slots(0, 1, 300));
        let moved = moved.await.expect("no panic");
        is_over.store(true, Ordering::Relaxed);
        moved.expect("they move");
    };
    tokio::join!(counting, moving);
}
