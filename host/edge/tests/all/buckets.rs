//! Buckets and rate limits as a plugin uses them, on the node's own stores and
//! on Redis.

use futures_util::future::join_all;
use http::{Method, Request};
use serde_json::{Value, json};
use test_servers::Redis;

use crate::harness::{TestNode, fixture, start_error, variant};

/// Make each of the named functions, which take a node, a test of each store.
macro_rules! on_both_stores {
    ($($test:ident),* $(,)?) => {
        mod embedded {
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test(super::node(None).await).await;
                }
            )*
        }
        mod redis {
            $(
                #[tokio::test]
                async fn $test() {
                    let url = test_servers::Redis::shared().database();
                    super::$test(super::node(Some(url)).await).await;
                }
            )*
        }
    };
}

on_both_stores! {
    a_value_is_kept_until_it_is_deleted,
    changes_at_once_are_all_made,
    a_mistake_is_the_plugins,
    the_plugin_counts_its_own_limit,
}

async fn node(redis_url: Option<String>) -> TestNode {
    let plugins = [fixture("buckets")];
    TestNode::start(&plugins, |settings| settings.redis_url = redis_url).await
}

async fn value(node: &TestNode, key: &str) -> Value {
    node.get(&format!("/buckets/values/{key}")).await.json()["value"].take()
}

async fn put(node: &TestNode, key: &str, value: &str) -> u16 {
    let target = node.url(&format!("/buckets/values/{key}"));
    let request = Request::put(target).header("content-type", "application/octet-stream");
    node.send(request, value.to_owned()).await.status
}

async fn a_value_is_kept_until_it_is_deleted(node: TestNode) {
    assert_eq!(value(&node, "a").await, Value::Null);
    assert_eq!(put(&node, "a", "one").await, 200);
    assert_eq!(value(&node, "a").await, json!("one"));
    assert_eq!(put(&node, "%7B%2A%0D%0A", "odd").await, 200);
    assert_eq!(value(&node, "%7B%2A%0D%0A").await, json!("odd"));
    let deleted = node.request(Method::DELETE, "/buckets/values/a").await;
    deleted.assert_status(200);
    assert_eq!(value(&node, "a").await, Value::Null);
}

async fn changes_at_once_are_all_made(node: TestNode) {
    // As many as there are instances: nobody has to wait for one.
    const CHANGES: usize = 16;
    let append = || node.post("/buckets/values/a/appended", "x");
    for reply in join_all((0..CHANGES).map(|_| append())).await {
        reply.assert_status(200);
    }
    assert_eq!(value(&node, "a").await, json!("x".repeat(CHANGES)));
    let count = || node.post("/buckets/values/n/counted", "");
    let sums = join_all((0..CHANGES).map(|_| count())).await;
    let mut sums: Vec<u64> = sums
        .iter()
        .map(|r| r.json()["sum"].as_u64().unwrap())
        .collect();
    sums.sort_unstable();
    assert_eq!(sums, (1..=CHANGES as u64).collect::<Vec<_>>());
}

async fn a_mistake_is_the_plugins(node: TestNode) {
    let too_long = "x".repeat(1025);
    assert_eq!(put(&node, "a", &too_long).await, 503);
    assert_eq!(value(&node, "a").await, Value::Null);
    assert_eq!(put(&node, &"k".repeat(257), "x").await, 503);
    assert_eq!(put(&node, "n", "no number").await, 200);
    node.post("/buckets/values/n/counted", "")
        .await
        .assert_status(503);
    node.get("/buckets/others/kept").await.assert_status(200);
    node.get("/buckets/others/other").await.assert_status(500);
}

async fn the_plugin_counts_its_own_limit(node: TestNode) {
    let take = async |key: &str| {
        let target = format!("/buckets/limits/own/{key}");
        node.post(&target, "").await
    };
    assert_eq!(take("a").await.json(), json!({ "remaining": 1 }));
    assert_eq!(take("a").await.json(), json!({ "remaining": 0 }));
    let refused = take("a").await;
    refused.assert_status(429);
    let wait = refused.header("retry-after").expect("a time");
    assert!(wait.parse::<u32>().is_ok_and(|wait| wait > 1000), "{wait}");
    take("b").await.assert_status(200);
    // No policy of the manifest.
    node.post("/buckets/limits/other/a", "")
        .await
        .assert_status(500);
}

#[tokio::test]
async fn what_is_not_granted_is_refused_at_start() {
    let without_limit = variant("buckets", "rate-limit = []");
    let error = start_error(&[without_limit], |_| {}).await;
    assert!(error.contains("rate-limit"), "{error}");
}

#[tokio::test]
async fn a_node_starts_and_serves_without_its_redis() {
    let mut redis = Redis::start().unwrap();
    redis.stop().unwrap();
    let node = node(Some(redis.url())).await;
    node.get("/buckets/values/a").await.assert_status(503);
    // The limiter counts alone.
    node.post("/buckets/limits/own/a", "")
        .await
        .assert_status(200);
    redis.restart().unwrap();
    node.until_status("/buckets/values/a", 200).await;
}
