//! A Redis that answers, and refuses changes, is named with its reason.

use http::Method;
use tempfile::TempDir;
use test_servers::Redis;

use crate::harness::{Client, Running, data_folder, edge, eventually, fixture};

async fn node(url: &str) -> (TempDir, Running, Client) {
    let data = data_folder();
    let mut command = edge(data.path());
    command
        .arg("serve")
        .env("EDGE_DATA_DIR", data.path())
        .env("EDGE_PLUGINS", fixture("buckets").path())
        .env("REDIS_URL", url);
    let mut node = Running::start(&mut command);
    node.banner();
    drop(node.wire().await);
    let client = Client::of(node.address());
    (data, node, client)
}

/// Sets a key; the status of the reply.
async fn put(client: &Client) -> u16 {
    let sending = client.send(Method::PUT, "/buckets/values/a", "x");
    sending.await.status
}

/// Waits for a line that warns of refused changes to the buckets, for this
/// reason.
fn await_line(node: &mut Running, reason: &str) {
    node.line(|line| {
        let parts = ["WARN", "Redis (buckets) refuses changes", reason];
        parts.iter().all(|part| line.contains(part))
    });
}

async fn until_warned(client: &Client, wanted: bool) {
    eventually(
        &format!("a warning of refused changes: {wanted}"),
        async || {
            let details = client.get("/readyz?verbose").await.json();
            let warnings = details["warnings"].as_array().expect("a list");
            (warnings.contains(&"refused-changes".into()) == wanted).then_some(())
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_without_memory_is_named_until_it_has_some() {
    let redis = Redis::start().expect("a server");
    let (_data, mut node, client) = node(&redis.url()).await;
    assert!(put(&client).await < 300);
    until_warned(&client, false).await;

    redis.run("CONFIG SET maxmemory 1");
    assert_eq!(put(&client).await, 503);
    await_line(&mut node, "OOM");
    until_warned(&client, true).await;

    redis.run("CONFIG SET maxmemory 0");
    assert!(put(&client).await < 300);
    until_warned(&client, false).await;
    node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_setting_of_a_database_that_is_not_there_is_named() {
    let redis = Redis::start().expect("a server");
    let url = format!("{}/99999", redis.url());
    let (_data, mut node, client) = node(&url).await;
    assert_eq!(put(&client).await, 503);
    await_line(&mut node, "redis_url names a database");
    until_warned(&client, true).await;
}
