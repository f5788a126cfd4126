//! A process that may open no more files: nobody is refused, what is open works
//! on, what needs a new connection fails alone, and all of it comes back.

use std::time::Instant;

use http::Method;
use serde_json::{Value, json};
use test_servers::{MariaDb, Redis};
use url::form_urlencoded::byte_serialize;

use crate::harness::{
    Client, Reply, Running, TOKENS, Wire, data_folder, edge, eventually, fixture, get, post,
    variant,
};

/// A limit below every descriptor that a process has, but for its three first.
const NOTHING_MORE: u64 = 3;

/// Sends a request over a connection that is open, and returns the reply.
async fn ask(wire: &mut Wire, request: impl AsRef<[u8]>) -> Reply {
    wire.send(request).await;
    wire.reply().await
}

fn entry(name: &str) -> String {
    let body = json!({
        "name": name, "amount": "1.00", "booked_on": "2019-07-21T08:56:02.000Z",
    });
    let body = body.to_string();
    let fields = format!(
        "content-type: application/json\r\ncontent-length: {}",
        body.len()
    );
    post("/ledger/entries", &fields) + &body
}

fn put(key: &str) -> String {
    format!("PUT /buckets/values/{key} HTTP/1.1\r\nhost: shop\r\ncontent-length: 1\r\n\r\nx")
}

fn assert_unavailable(reply: &Reply) {
    assert_eq!(reply.status, 503, "{reply:?}");
    assert!(reply.header("retry-after").is_some(), "{reply:?}");
}

fn assert_stored(reply: &Reply) {
    assert!(reply.status < 300, "{reply:?}");
}

/// The value of a series of the node's metrics.
async fn series(operator: &Client, name: &str) -> f64 {
    let reply = operator.get("/metrics").await;
    let found = reply.text().lines().find_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        (series.split('{').next() == Some(name)).then(|| value.parse().expect("a number"))
    });
    found.unwrap_or(0.0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_descriptors_serves_what_is_open_and_comes_back() {
    let mut database = MariaDb::start().expect("MariaDB");
    let redis = Redis::start().expect("Redis");
    let upstream = crate::outbound::server::Server::start().await;
    let origin = upstream.origin();
    let fetch = variant("fetch", &format!("[grants]\noutbound = [{origin:?}]"));
    let folder = data_folder();
    let plugins = [
        fixture("hello"),
        fixture("ledger"),
        fixture("buckets"),
        fetch,
    ];
    let paths: Vec<_> = plugins
        .iter()
        .map(|it| it.path().display().to_string())
        .collect();
    let mut command = edge(folder.path());
    command
        .arg("serve")
        .env("EDGE_PLUGINS", paths.join(","))
        .env("EDGE_RATE_LIMITS", "off")
        .env("EDGE_ADMIN_TOKENS", TOKENS)
        .env("DATABASE_URL", database.database())
        .env("REDIS_URL", redis.url());
    let mut node = Running::start(&mut command);
    node.banner();
    let mut shop = node.wire().await;
    let mut probe = node.wire().await;
    let operator = Client::of_operator(node.admin_address());
    let url: String = byte_serialize(upstream.url("/hello").as_bytes()).collect();
    let call = get(&format!("/fetch?url={url}"));
    assert_eq!(ask(&mut shop, entry("before")).await.status, 200);
    ask(&mut probe, get("/readyz?verbose"))
        .await
        .assert_status(200);
    assert_eq!(series(&operator, "edge_accept_failures_total").await, 0.0);

    node.limit_descriptors(Some(NOTHING_MORE));
    database.stop().expect("it stops");
    database.restart().expect("it starts");
    let mut late = Wire::connect(node.address()).await;
    late.send(get("/hello")).await;
    let (began, busy) = (Instant::now(), node.processor_seconds());
    eventually("failures to accept a connection", async || {
        (series(&operator, "edge_accept_failures_total").await >= 20.0).then_some(())
    })
    .await;
    let (busy, waited) = (
        node.processor_seconds() - busy,
        began.elapsed().as_secs_f64(),
    );
    assert!(
        busy < waited / 2.0,
        "busy for {busy} s of {waited}: it spins"
    );

    // What needs no descriptor.
    ask(&mut shop, get("/hello")).await.assert_status(200);
    // A connection to a server is a descriptor.
    assert_unavailable(&ask(&mut shop, entry("meanwhile")).await);
    let answer = ask(&mut shop, &call).await.json();
    assert_eq!(answer["error"], "unreachable", "nothing was sent: {answer}");
    let details = ask(&mut probe, get("/readyz?verbose")).await.json();
    assert_eq!(details["degraded"], true, "{details}");
    let warnings = details["warnings"].to_string();
    assert!(warnings.contains("\"connections\""), "{details}");

    node.limit_descriptors(None);
    late.reply().await.assert_status(200);
    eventually("the database", async || {
        (ask(&mut shop, entry("after")).await.status == 200).then_some(())
    })
    .await;
    let answer = ask(&mut shop, &call).await.json();
    assert_eq!(answer["status"], 200, "{answer}");
    assert_stored(&ask(&mut shop, put("a")).await);
    let details = ask(&mut probe, get("/readyz?verbose")).await.json();
    assert!(
        !details["warnings"].to_string().contains("connections"),
        "{details}"
    );
    let names = names(&ask(&mut shop, get("/ledger/entries")).await.json());
    assert!(!names.contains(&"meanwhile".to_owned()), "{names:?}");
    node.end().await;
}

fn names(entries: &Value) -> Vec<String> {
    let entries = entries.as_array().expect("a list").iter();
    let names = entries.map(|entry| entry["name"].as_str().expect("a name").to_owned());
    names.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_cannot_be_reached_takes_nothing() {
    let mut redis = Redis::start().expect("Redis");
    let folder = data_folder();
    let mut command = edge(folder.path());
    command
        .arg("serve")
        .env("EDGE_PLUGINS", fixture("buckets").path())
        .env("EDGE_RATE_LIMITS", "off")
        .env("REDIS_URL", redis.url());
    let mut node = Running::start(&mut command);
    node.banner();
    let mut shop = node.wire().await;
    assert_stored(&ask(&mut shop, put("a")).await);
    node.limit_descriptors(Some(NOTHING_MORE));
    redis.stop().expect("it stops");
    redis.restart().expect("it starts");
    eventually("the end of the old connection", async || {
        (ask(&mut shop, put("b")).await.status == 503).then_some(())
    })
    .await;
    assert_unavailable(&ask(&mut shop, put("b")).await);
    node.limit_descriptors(None);
    eventually("Redis", async || {
        (ask(&mut shop, put("c")).await.status < 300).then_some(())
    })
    .await;
    node.end().await;
}

/// Files are opened when they are needed, too.
#[tokio::test(flavor = "multi_thread")]
async fn files_that_cannot_be_opened_are_no_mistake_of_a_statement() {
    let folder = data_folder();
    let plugins = [fixture("ledger"), fixture("buckets")];
    let paths = plugins.map(|it| it.path().display().to_string());
    let mut command = edge(folder.path());
    command
        .arg("serve")
        .env("EDGE_PLUGINS", paths.join(","))
        .env("EDGE_RATE_LIMITS", "off");
    let mut node = Running::start(&mut command);
    node.banner();
    // Connections for statements beside each other, which were never there.
    let mut wires = Vec::new();
    for _ in 0..8 {
        wires.push(node.wire().await);
    }
    for wire in &mut wires {
        ask(wire, get("/nowhere")).await.assert_status(404);
    }
    node.limit_descriptors(Some(NOTHING_MORE));
    for round in 0..4 {
        for (number, wire) in wires.iter_mut().enumerate() {
            wire.send(match number % 4 {
                0 => get("/ledger/entries"),
                1 => entry(&format!("{round}-{number}")),
                2 => get("/buckets/values/a"),
                _ => put("a"),
            })
            .await;
        }
        for wire in &mut wires {
            let reply = wire.reply().await;
            let is_said = matches!(reply.status, 200..300 | 404 | 503);
            assert!(is_said, "{reply:?}");
        }
    }
    node.limit_descriptors(None);
    for (number, wire) in wires.iter_mut().enumerate() {
        let name = format!("after {number}");
        ask(wire, entry(&name)).await.assert_status(200);
        assert_stored(&ask(wire, put("a")).await);
        ask(wire, get("/ledger/entries")).await.assert_status(200);
    }
    node.end().await;
}

#[tokio::test]
async fn a_node_raises_the_limit_that_its_shell_began_with() {
    let folder = data_folder();
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", r#"ulimit -S -n 256 && exec "$1" serve"#, "sh"])
        .arg(env!("CARGO_BIN_EXE_edge"))
        .current_dir(folder.path())
        .env_clear()
        .env("EDGE_LISTEN", "127.0.0.1:0")
        .env("EDGE_ADMIN_LISTEN", "off")
        .env("EDGE_PLUGINS", fixture("hello").path());
    let mut node = Running::start(&mut command);
    node.banner();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", node.pid()));
    let limits = limits.expect("its limits");
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let numbers: Vec<_> = line
        .expect("a line")
        .split_whitespace()
        .skip(3)
        .take(2)
        .collect();
    assert_eq!(numbers[0], numbers[1], "soft and hard: {limits}");
    node.end().await;
}

/// Clients do not get those descriptors that stores need.
#[tokio::test(flavor = "multi_thread")]
async fn many_clients_leave_descriptors_for_stores() {
    let folder = data_folder();
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", r#"ulimit -n 512 && exec "$1" serve"#, "sh"])
        .arg(env!("CARGO_BIN_EXE_edge"))
        .current_dir(folder.path())
        .env_clear()
        .env("EDGE_LISTEN", "127.0.0.1:0")
        .env("EDGE_ADMIN_LISTEN", "127.0.0.1:0")
        .env("EDGE_ADMIN_TOKENS", TOKENS)
        .env("EDGE_RATE_LIMITS", "off")
        .env("EDGE_PLUGINS", fixture("ledger").path())
        .env("DATABASE_URL", MariaDb::shared().database());
    let mut node = Running::start(&mut command);
    node.banner();
    let line = node.line(|line| line.contains("connections at once"));
    let (before, _) = line.split_once(" connections at once").expect("a number");
    let most = before.rsplit(' ').next().expect("a number");
    let most: f64 = most.parse().expect("a number");
    // Three quarters of the files, less those that the node has open.
    assert!((300.0..384.0).contains(&most), "{line}");
    let mut shop = node.wire().await;
    let mut others = Vec::new();
    for _ in 0..450 {
        let mut other = Wire::connect(node.address()).await;
        other.send("GET /ledger/entries HTTP/1.1\r\n").await;
        others.push(other);
    }
    let operator = Client::of_operator(node.admin_address());
    eventually("as many connections as there may be", async || {
        (series(&operator, "http_server_open_connections").await == most).then_some(())
    })
    .await;
    ask(&mut shop, entry("one")).await.assert_status(200);
    assert_eq!(series(&operator, "edge_accept_failures_total").await, 0.0);
    drop(others);
    let reply = Client::of(node.address())
        .send(Method::GET, "/ledger/entries", "")
        .await;
    reply.assert_status(200);
    node.end().await;
}
