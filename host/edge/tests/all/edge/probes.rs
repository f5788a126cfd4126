//! Whether the node lives, and whether it is ready.

use std::time::Duration;

use edge::config::Rate;
use http::Method;
use serde_json::{Value, json};
use test_servers::{MariaDb, Redis};
use tokio::net::TcpStream;

use crate::harness::{
    Running, TestNode, data_folder, edge, eventually, fixture, get, start_error, variant,
};

#[tokio::test]
async fn a_node_that_serves_lives_and_is_ready() {
    let node = TestNode::start(&[fixture("hello")], |settings| {
        settings.rate_limit = Some(Rate {
            quota: 1,
            window: Duration::from_secs(3600),
            burst: 1,
        });
    })
    .await;
    node.get("/hello").await.assert_status(200);
    node.get("/hello").await.assert_refusal(429);
    for (path, text) in [("/livez", "live\n"), ("/readyz", "ready\n")] {
        for _ in 0..3 {
            let reply = node.get(path).await;
            reply.assert_status(200);
            assert_eq!(reply.text(), text);
            assert_eq!(reply.header("cache-control"), Some("no-store"));
            assert_eq!(reply.header("ratelimit"), None);
        }
        node.request(Method::HEAD, path).await.assert_status(200);
        let reply = node.request(Method::POST, path).await;
        reply.assert_refusal(405);
        assert_eq!(reply.header("allow"), Some("GET, HEAD"));
    }
}

#[tokio::test]
async fn a_node_that_stops_says_so_before_it_takes_no_more() {
    let mut node = TestNode::start(&[fixture("hello")], |settings| {
        settings.stop.unready_delay = Duration::from_secs(2);
    })
    .await;
    node.begin_stop();
    let reply = node.until_status("/readyz", 503).await;
    assert_eq!(reply.text(), "stopping\n");
    node.get("/livez").await.assert_status(200);
    node.get("/hello").await.assert_status(200);
    let details = node.get("/readyz?verbose").await;
    details.assert_status(503);
    assert_eq!(details.json()["ready"], false);

    let address = node.address();
    eventually("a closed port", async || {
        TcpStream::connect(address).await.err()
    })
    .await;
    assert!(node.stop().await, "every request finished");
}

async fn stores(node: &TestNode) -> Value {
    let reply = node.get("/readyz?verbose").await;
    reply.assert_status(200);
    let mut details = reply.json();
    details["stores"].take()
}

/// A store by what it is for, its kind, and whether it answers.
fn store(name: &str, kind: &str, answers: bool) -> Value {
    json!({ "name": name, "kind": kind, "answers": answers })
}

fn database(kind: &str, answers: bool) -> Value {
    json!({ "name": "database", "kind": kind, "plugin": "ledger", "answers": answers })
}

/// With the node's breaker for it.
fn with(mut store: Value, breaker: &str) -> Value {
    store["breaker"] = breaker.into();
    store
}

#[tokio::test]
async fn the_details_are_of_plugins_and_stores() {
    let plugins = [fixture("ledger"), fixture("buckets"), fixture("hello")];
    let node = TestNode::start(&plugins, |settings| settings.region = "north".into()).await;
    let reply = node.get("/readyz?a=b&verbose").await;
    reply.assert_status(200);
    let plugin = |name: &str| json!({ "name": name, "version": "0.1.0" });
    let expected = json!({
        "ready": true,
        "degraded": false,
        "region": "north",
        "missing": [],
        "warnings": [],
        "plugins": [plugin("buckets"), plugin("hello"), plugin("ledger")],
        "stores": [database("sqlite", true), store("buckets", "file", true)],
    });
    let mut details = reply.json();
    let object = details.as_object_mut().expect("an object");
    let clock = object.remove("clock").expect("the clock");
    assert_eq!(details, expected);
    // The control database is a file of the same machine.
    assert_eq!(clock["periodic_work"], true, "{clock}");
    let skew = clock["skew_ms"].as_i64().expect("a skew");
    assert!(skew.abs() < 5000, "{clock}");
}

#[tokio::test]
async fn a_store_that_is_gone_is_told_and_the_node_stays_ready() {
    let mut mariadb = MariaDb::start().expect("a server of one's own");
    let mut redis = Redis::start().expect("a server of one's own");
    let urls = (mariadb.database(), redis.database());
    let node = TestNode::start(&[fixture("ledger"), fixture("buckets")], |settings| {
        settings.database_url = urls.0;
        settings.redis_url = Some(urls.1);
    })
    .await;
    let all = |answer: bool| {
        let breaker = if answer { "closed" } else { "open" };
        let stores = [
            database("mysql", answer),
            store("buckets", "redis", answer),
            store("rate-limits", "redis", answer),
        ];
        json!(stores.map(|store| with(store, breaker)))
    };
    assert_eq!(stores(&node).await, all(true));

    mariadb.stop().expect("it stops");
    redis.stop().expect("it stops");
    let told = |answer: bool| {
        let (node, expected) = (&node, all(answer));
        async move || (stores(node).await == expected).then_some(())
    };
    eventually("all stores are gone", told(false)).await;
    node.get("/readyz").await.assert_status(200);

    mariadb.restart().expect("it starts again");
    redis.restart().expect("it starts again");
    eventually("all stores are back", told(true)).await;
}

#[tokio::test]
async fn a_plugin_cannot_have_the_nodes_own_paths() {
    for route in ["/livez", "/readyz"] {
        let claim = variant("hello", &format!("routes = ['{route}']"));
        let error = start_error(&[claim], |_| {}).await;
        assert!(error.contains("routes") && error.contains(route), "{error}");
    }
}

#[tokio::test]
async fn probes_leave_no_access_lines() {
    let folder = data_folder();
    let hello = fixture("hello");
    let mut node = Running::start(
        edge(folder.path())
            .env("EDGE_PLUGINS", hello.path())
            .env("EDGE_LOG_FORMAT", "json")
            .arg("serve"),
    );
    node.banner();
    let mut wire = node.wire().await;
    for path in ["/livez", "/readyz", "/readyz?verbose", "/hello"] {
        wire.send(get(path)).await;
        wire.reply().await.assert_status(200);
    }
    let first = node.line(|line| line.contains(r#""target":"access""#));
    assert!(first.contains("/hello"), "{first}");
}
