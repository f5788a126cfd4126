//! A password of Redis that changes under a node that goes on.

use std::fs;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;
use test_servers::{Redis, RedisCluster};

use super::bucket;
use crate::harness::{Running, data_folder, edge, eventually, fixture, get};

use stores::keyvalue::{Error, KeyValue};

/// A node whose Redis is named by the URL in the file.
fn node(file: &Path) -> (TempDir, Running) {
    let data = data_folder();
    let mut command = edge(data.path());
    command
        .arg("serve")
        .env("EDGE_DATA_DIR", data.path())
        .env("EDGE_PLUGINS", fixture("buckets").path())
        .env("REDIS_URL_FILE", file);
    (data, Running::start(&mut command))
}

async fn put(node: &Running, value: &str) -> u16 {
    let mut wire = node.wire().await;
    let length = value.len();
    let request = format!(
        "PUT /buckets/values/a HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\
         content-type: application/octet-stream\r\n\r\n{value}"
    );
    wire.send(request).await;
    wire.reply().await.status
}

async fn value(node: &Running) -> serde_json::Value {
    let mut wire = node.wire().await;
    wire.send(get("/buckets/values/a")).await;
    wire.reply().await.json()["value"].clone()
}

/// Whether the node notices that it is let in no more, and takes the new URL.
/// `run` asks all of its servers for the same.
async fn rotates(urls: &str, run: impl Fn(&str)) {
    let rights = "~* &* +@all";
    run(&format!("ACL SETUSER shop on >first {rights}"));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("url");
    let with = |user: &str| urls.replace("redis://", &format!("redis://{user}@"));
    fs::write(&file, with("shop:first")).expect("a file");
    let (_data, mut node) = node(&file);
    node.banner();
    assert_eq!(put(&node, "first").await, 200);

    run("ACL SETUSER shop resetpass >second");
    run("CLIENT KILL USER shop");
    eventually("a refusal", async || {
        (put(&node, "lost").await == 503).then_some(())
    })
    .await;
    fs::write(&file, with("shop:second")).expect("a file");
    eventually("the new password", async || {
        (put(&node, "second").await == 200).then_some(())
    })
    .await;
    assert_eq!(value(&node).await, json!("second"));

    // Another user.
    run(&format!("ACL SETUSER lease on >third {rights}"));
    fs::write(&file, with("lease:third")).expect("a file");
    run("ACL DELUSER shop");
    eventually("the new user", async || {
        (put(&node, "third").await == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_url_in_a_file_rotates_under_a_node_that_goes_on() {
    let redis = Redis::start().expect("a server");
    rotates(&redis.url(), |command| {
        redis.run(command);
    })
    .await;
}

#[tokio::test]
async fn the_url_of_a_cluster_rotates_under_a_node_that_goes_on() {
    let cluster = RedisCluster::start(0).expect("a cluster");
    rotates(&cluster.urls(), |command| cluster.run_on_all(command)).await;
}

/// A password that was wrong for a while, on the server's side: nothing has to
/// be started again.
#[tokio::test]
async fn a_user_who_was_not_let_in_for_a_while_is_let_in_again() {
    let redis = Redis::start().expect("a server");
    redis.run("ACL SETUSER shop on >second ~* &* +@all");
    let url = redis.url().replace("redis://", "redis://shop:first@");
    let store = KeyValue::redis(&url, "test").unwrap();
    let carts = bucket(&store, "order", "carts");
    for _ in 0..3 {
        let refused = carts.set("a", b"x").await;
        assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    }
    redis.run("ACL SETUSER shop resetpass >first");
    eventually("the right password", async || {
        carts.set("a", b"x").await.ok()
    })
    .await;
}
