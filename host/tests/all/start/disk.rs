//! Disks that are full, and folders that are not there: what is optional
//! stops nothing, and what is not fails alone, for as long as the fault lasts.

use std::fs;
use std::path::Path;

use edge_host::config::Hidden;
use http::Method;
use serde_json::{Value, json};

use crate::harness::{
    Client, PluginFolder, Running, TOKENS, TestNode, data_folder, edge_serve_on_a_limited_disk,
    empty_data_folder, eventually, fixture, variant,
};
use crate::servers::MariaDb;

/// What `edge status` is told of the one node.
async fn warnings(node: &TestNode) -> Value {
    let status = node.operator().get("/v1/status").await;
    status["nodes"][0]["warnings"].clone()
}

async fn until_warned_of(node: &TestNode, part: &str) {
    eventually(&format!("a warning of {part:?}"), async || {
        let warnings = warnings(node).await;
        warnings.to_string().contains(part).then_some(())
    })
    .await;
}

async fn until_not_warned(node: &TestNode) {
    eventually("no more warnings", async || {
        warnings(node).await.is_null().then_some(())
    })
    .await;
}

fn hello(version: &str) -> PluginFolder {
    variant("hello", &format!("version = \"{version}\""))
}

/// A release whose component is none that was compiled here before.
fn unseen(version: &str) -> PluginFolder {
    let changes =
        format!("name = \"hello\"\nversion = \"{version}\"\nroutes = [\"/hello\", \"/hostile\"]");
    variant("hostile", &changes)
}

fn compiled(data: &Path) -> usize {
    fs::read_dir(data.join("cache")).map_or(0, Iterator::count)
}

async fn metrics(node: &TestNode) -> String {
    let reply = node.operator().send(Method::GET, "/metrics", "").await;
    reply.text().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_cannot_be_made_vetoes_neither_a_start_nor_a_release() {
    let data = empty_data_folder();
    let cache = data.path().join("cache");
    fs::write(&cache, "in the way").expect("a file");
    let node = TestNode::start_in(data.path(), &[fixture("hello")], |_| {}).await;
    node.get("/hello").await.assert_status(200);
    until_warned_of(&node, "compiled code is kept in memory alone").await;
    let told = metrics(&node).await;
    let failed = told.lines().find_map(|line| {
        line.strip_prefix("edge_cache_errors_total{operation=\"open\",region=\"local\"} ")
    });
    let failed = failed.and_then(|count| count.parse::<u64>().ok());
    assert!(failed.is_some_and(|count| count > 0), "{told}");
    node.operator().deploy(&unseen("0.2.0")).await;
    node.get("/hostile/count").await.assert_status(200);

    fs::remove_file(&cache).expect("the file");
    node.operator().deploy(&hello("0.3.0")).await;
    node.get("/hello").await.assert_status(200);
    assert_eq!(compiled(data.path()), 1, "it is kept again");
    until_not_warned(&node).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_vanishes_comes_back_with_the_next_release() {
    let data = empty_data_folder();
    let node = TestNode::start_in(data.path(), &[fixture("hello")], |_| {}).await;
    fs::remove_dir_all(data.path().join("cache")).expect("the cache");
    node.operator().deploy(&unseen("0.2.0")).await;
    assert_eq!(compiled(data.path()), 1);
    assert_eq!(warnings(&node).await, Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_stores_and_secrets_are_elsewhere_needs_no_data_folder() {
    let folder = empty_data_folder();
    let file = folder.path().join("file");
    fs::write(&file, "no folder").expect("a file");
    let database = MariaDb::shared().database();
    let node = TestNode::start_in(folder.path(), &[fixture("ledger")], |settings| {
        settings.data_dir = file.join("data");
        settings.database_url.clone_from(&database);
        settings.control_url.clone_from(&database);
        settings.secret = Some(Hidden("a secret of these tests, long enough".to_owned()));
    })
    .await;
    node.get("/ledger/entries").await.assert_status(200);
    until_warned_of(&node, "the data folder cannot be made").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_key_of_the_cache_is_called_that() {
    let data = data_folder();
    let start = || {
        let mut command = crate::harness::edge(data.path());
        command
            .arg("serve")
            .env("EDGE_DATA_DIR", data.path())
            .env("EDGE_PLUGINS", fixture("hello").path());
        let mut process = Running::start(&mut command);
        let said = process.banner().to_owned();
        (process, said)
    };
    let (process, said) = start();
    drop(process.wire().await);
    assert!(!said.contains("compiling anew"), "{said}");
    process.end().await;
    fs::remove_file(data.path().join("secrets/artifact-key")).expect("the key");
    let (process, said) = start();
    drop(process.wire().await);
    assert!(said.contains("artifact-key was lost or replaced"), "{said}");
    assert!(!said.contains("changed by others"), "{said}");
    process.end().await;
}

/// What a file may have on a disk that is full from now on.
const NOTHING_MORE: u64 = 0;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_what_writes_and_nothing_else_until_there_is_room() {
    let data = data_folder();
    let plugins = [fixture("hello"), fixture("ledger"), fixture("buckets")];
    let plugins = plugins.map(|plugin| plugin.path().display().to_string());
    let mut command = edge_serve_on_a_limited_disk(data.path());
    command
        .env("EDGE_DATA_DIR", data.path())
        .env("EDGE_PLUGINS", plugins.join(","))
        .env("EDGE_RATE_LIMITS", "off")
        .env("EDGE_ADMIN_TOKENS", TOKENS);
    let mut process = Running::start(&mut command);
    process.banner();
    drop(process.wire().await);
    let client = Client::of(process.address());
    let (added, set) = (add(&client, "one").await, put(&client, "a").await);
    assert!(added < 300 && set < 300, "{added} {set}");

    process.limit_files(Some(NOTHING_MORE));
    assert_eq!(add(&client, "two").await, 503, "a change of a database");
    assert_eq!(put(&client, "b").await, 503, "a change of a bucket");
    for target in ["/hello", "/ledger/entries", "/buckets/values/a", "/readyz"] {
        assert_eq!(client.get(target).await.status, 200, "{target}");
    }
    process.limit_files(None);
    assert_eq!(add(&client, "three").await, added);
    assert_eq!(put(&client, "c").await, set);
    process.end().await;
}

/// Adds an entry to the ledger; the status of the reply.
async fn add(client: &Client, name: &str) -> u16 {
    let entry = json!({
        "name": name, "amount": "1.00", "booked_on": "2019-07-21T08:56:02.000Z",
    });
    let body = entry.to_string();
    client
        .send(Method::POST, "/ledger/entries", body)
        .await
        .status
}

/// Sets a key of the bucket; the status of the reply.
async fn put(client: &Client, key: &str) -> u16 {
    let target = format!("/buckets/values/{key}");
    client
        .send(Method::PUT, &target, "x".repeat(900))
        .await
        .status
}
