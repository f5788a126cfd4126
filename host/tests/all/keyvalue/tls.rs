//! Redis by TLS, as `rediss://` says.

use std::time::Duration;

use edge_host::stores::keyvalue::{Error, KeyValue};
use serde_json::json;
use tempfile::TempDir;

use super::bucket;
use crate::harness::{Reply, Running, data_folder, edge, eventually, fixture, get};
use crate::servers::Redis;

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
