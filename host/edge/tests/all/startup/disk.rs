//! Disks that are full, and folders that are not there: what is optional
//! stops nothing, and what is not fails alone, for as long as the fault lasts.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use edge::config::Secret;
use http::Method;
use serde_json::{Value, json};
use test_servers::MariaDb;
use tokio::net::TcpStream;

use crate::harness::{
    Client, Operator, PluginFolder, Running, TOKENS, TestNode, data_folder,
    edge_serve_on_a_limited_disk, edge_serve_on_a_small_disk, empty_data_folder, eventually,
    fixture, may_mount, variant,
};

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
        settings.keys.secret = Some(Secret("a secret of these tests, long enough".to_owned()));
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
    for store in ["the database of plugin ledger", "the file of the buckets"] {
        let text = format!("{store} refuses changes: ");
        process.line(|line| line.contains("WARN") && line.contains(&text));
    }
    until_refusing(&client, true).await;
    process.limit_files(None);
    assert_eq!(add(&client, "three").await, added);
    assert_eq!(put(&client, "c").await, set);
    until_refusing(&client, false).await;
    // What was acknowledged is there, whatever becomes of the process, and what
    // was refused is not.
    process.kill();
    let mut process = Running::start(&mut command);
    process.banner();
    drop(process.wire().await);
    let client = Client::of(process.address());
    assert_eq!(entries(&client).await, ["one", "three"]);
    for (key, is_there) in [("a", true), ("b", false), ("c", true)] {
        assert_eq!(is_stored(&client, key).await, is_there, "{key}");
    }
    process.end().await;
}

/// Waits until the node says that a store refuses changes, or none does.
async fn until_refusing(client: &Client, wanted: bool) {
    eventually(
        &format!("a warning of refused changes: {wanted}"),
        async || {
            let details = client.get("/readyz?verbose").await.json();
            let warnings = details["warnings"].as_array().expect("a list");
            let is_warned = warnings.contains(&"refused-changes".into());
            assert!(!is_warned || details["degraded"] == true, "{details}");
            (is_warned == wanted).then_some(())
        },
    )
    .await;
}

/// Whether the bucket has the key.
async fn is_stored(client: &Client, key: &str) -> bool {
    let reply = client.get(&format!("/buckets/values/{key}")).await;
    reply.assert_status(200);
    reply.json()["value"].is_string()
}

/// Names of what the ledger holds.
async fn entries(client: &Client) -> Vec<String> {
    let reply = client.get("/ledger/entries?limit=1000").await;
    reply.assert_status(200);
    let entries = reply.json();
    let entries = entries.as_array().expect("a list").iter();
    let names = entries.map(|entry| entry["name"].as_str().expect("a name").to_owned());
    names.collect()
}

/// A file system of its own, in a name space of its own: where there is none to
/// be had, the limit of the test above stands in, which the kernel reports as
/// another error.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_system_without_room_stops_changes_until_there_is_some() {
    if !may_mount() {
        println!("not tested: no user may make a name space of its own here");
        return;
    }
    let data = empty_data_folder();
    let plugins = [fixture("hello"), fixture("ledger"), fixture("buckets")];
    let plugins = plugins.map(|plugin| plugin.path().display().to_string());
    let mut command = edge_serve_on_a_small_disk(data.path());
    command
        .env("EDGE_DATA_DIR", data.path())
        .env("EDGE_PLUGINS", plugins.join(","))
        .env("EDGE_RATE_LIMITS", "off")
        .env("EDGE_ADMIN_TOKENS", TOKENS);
    let mut process = Running::start(&mut command);
    process.banner();
    drop(process.wire().await);
    let client = Client::of(process.address());
    assert_eq!(add(&client, "before").await, 200);

    let disk = process.seen_by_it(data.path());
    let filler = disk.join("filler");
    fill(&filler);
    // A log of changes may have room left, and what is told to be done is.
    let mut added = vec!["before".to_owned()];
    let (mut refused, mut kept, mut number) = ([0, 0], Vec::new(), 0);
    while refused.iter().any(|count| *count < 3) {
        number += 1;
        assert!(number < 2000, "room without end: {refused:?}");
        match add(&client, &number.to_string()).await {
            200 => added.push(number.to_string()),
            503 => refused[0] += 1,
            status => panic!("{status}"),
        }
        match put(&client, &number.to_string()).await {
            ..300 => kept.push(number),
            503 => refused[1] += 1,
            status => panic!("{status}"),
        }
    }
    for target in ["/hello", "/ledger/entries", "/readyz"] {
        assert_eq!(client.get(target).await.status, 200, "{target}");
    }
    let operator = Operator::at(process.admin_address());
    let reply = operator.try_deploy(&unseen("0.2.0"), json!({})).await;
    reply.assert_status(503);

    fs::remove_file(&filler).expect("the filler");
    eventually("room", async || {
        (add(&client, "after").await == 200).then_some(())
    })
    .await;
    assert!(put(&client, "after").await < 300);
    added.push("after".to_owned());
    assert_eq!(entries(&client).await, added);
    for key in kept {
        assert!(is_stored(&client, &key.to_string()).await, "{key}");
    }
    operator.deploy(&unseen("0.2.0")).await;
    process.end().await;
}

/// Writes into a file until its disk is full.
fn fill(path: &Path) {
    let mut file = fs::File::create(path).expect("a file");
    for size in [1 << 20, 1 << 12] {
        let error = std::iter::repeat_with(|| file.write_all(&vec![1; size])).find_map(Result::err);
        let kind = error.expect("an error").kind();
        assert_eq!(kind, std::io::ErrorKind::StorageFull);
    }
}

/// Whoever writes the log to a file may run out of room as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_cannot_be_written_stops_nothing_and_is_said() {
    let data = data_folder();
    let log = data.path().join("log");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("its address");
    let operators = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let admin = operators.local_addr().expect("its address");
    drop((taken, operators));
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"trap '' XFSZ && exec "$1" serve >"$2""#, "sh"])
        .arg(env!("CARGO_BIN_EXE_edge"))
        .arg(&log)
        .current_dir(data.path())
        .env_clear()
        .env("EDGE_LISTEN", address.to_string())
        .env("EDGE_ADMIN_LISTEN", admin.to_string())
        .env("EDGE_ADMIN_TOKENS", TOKENS)
        .env("EDGE_PLUGINS", fixture("hello").path());
    let process = Running::start(&mut command);
    eventually("an open port", async || {
        TcpStream::connect(address).await.ok()
    })
    .await;
    let client = Client::of(address);
    let warned = async |wanted: bool| {
        eventually(&format!("a warning: {wanted}"), async || {
            client.get("/hello").await.assert_status(200);
            let details = client.get("/readyz?verbose").await.json();
            let warnings = details["warnings"].as_array().expect("a list").clone();
            (warnings.contains(&"log".into()) == wanted).then_some(())
        })
        .await;
    };
    warned(false).await;
    process.limit_files(Some(NOTHING_MORE));
    warned(true).await;
    let metrics = Client::of_operator(admin).get("/metrics").await;
    let failed = metrics
        .text()
        .lines()
        .find_map(|line| line.strip_prefix("edge_log_write_errors_total{region=\"local\"} "));
    let failed: f64 = failed.expect("a count").parse().expect("a number");
    assert!(failed > 0.0);
    let before = fs::metadata(&log).expect("the log").len();

    process.limit_files(None);
    warned(false).await;
    eventually("lines", async || {
        (fs::metadata(&log).expect("the log").len() > before).then_some(())
    })
    .await;
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
