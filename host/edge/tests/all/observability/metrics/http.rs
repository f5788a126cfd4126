//! The shop's port.

use std::fs;
use std::time::Duration;

use edge::config::Rate;
use http::{Method, Request};

use super::Metrics;
use crate::harness::{TestNode, eventually, fixture, get, variant};

const REQUESTS: &str = "http_server_request_duration_seconds";

#[tokio::test]
async fn requests_are_counted_by_route_method_and_class() {
    let node = TestNode::start(&[fixture("hello"), fixture("hostile")], |_| {}).await;
    for _ in 0..7 {
        node.get("/hello").await.assert_status(200);
    }
    node.get("/api/v1/hello").await.assert_status(200);
    node.get("/hostile/trap").await.assert_status(500);
    node.get("/nowhere").await.assert_status(404);
    node.request(Method::DELETE, "/elsewhere")
        .await
        .assert_status(404);

    let metrics = Metrics::of(&node).await;
    let count = |labels: &[&str]| metrics.value(&format!("{REQUESTS}_count"), labels);
    let hello = [
        "http_route=\"/hello\"",
        "http_request_method=\"GET\"",
        "http_response_status_class=\"2xx\"",
    ];
    assert_eq!(count(&hello), Some(8.0));
    metrics.assert(
        &format!("{REQUESTS}_bucket"),
        &[hello[0], "le=\"+Inf\""],
        8.0,
    );
    metrics.assert_at_least(&format!("{REQUESTS}_sum"), &hello, f64::MIN_POSITIVE);
    let trapped = [
        "http_route=\"/hostile\"",
        "http_response_status_class=\"5xx\"",
    ];
    assert_eq!(count(&trapped), Some(1.0));
    let lost = [
        "http_request_method=\"DELETE\"",
        "http_response_status_class=\"4xx\"",
    ];
    assert_eq!(count(&lost), Some(1.0));
    assert_eq!(count(&[]), Some(11.0), "and no others");
    metrics.assert("http_server_active_requests", &[], 0.0);
    metrics.assert_at_least("http_server_open_connections", &[], 1.0);
}

#[tokio::test]
async fn routes_are_called_as_the_plugins_document_calls_them() {
    let document = |paths: &str| {
        let plugin = variant("hello", "");
        fs::write(plugin.path().join("openapi.yaml"), paths).expect("a file");
        plugin
    };
    let told = "paths:\n  /hello/{name}: {}\n  /hello/you: {}\n  /elsewhere/{name}: {}\n  /hello/them/{name}: {}\n";
    let others = variant("hostile", "routes = ['/hello/them']");
    let node = TestNode::start(&[document(told), others], |_| {}).await;
    for target in ["/hello/a", "/api/v1/hello/b", "/hello/you", "/hello/a/b"] {
        node.get(target).await.assert_status(200);
    }
    let metrics = Metrics::of(&node).await;
    let you = ["http_route=\"/hello/you\""];
    metrics.assert(&format!("{REQUESTS}_count"), &you, 1.0);
    // Answered by another plugin, whatever this one's document says.
    for target in ["/elsewhere/a", "/hello/them", "/hello/them/a"] {
        node.get(target).await.assert_status(404);
    }
    // The next release's requests are counted on.
    let more = "paths:\n  /hello/{name}: {}\n  /hello/{name}/more: {}\n";
    node.operator().deploy(&document(more)).await;
    node.get("/hello/c").await.assert_status(200);
    let metrics = Metrics::of(&node).await;
    for (route, times) in [
        ("/hello/{name}", 3.0),
        ("/hello", 1.0),
        ("/hello/them", 2.0),
    ] {
        let label = format!("http_route=\"{route}\"");
        metrics.assert(&format!("{REQUESTS}_count"), &[&label], times);
    }
    let elsewhere = ["http_route=\"/elsewhere/{name}\""];
    assert_eq!(
        metrics.value(&format!("{REQUESTS}_count"), &elsewhere),
        None
    );

    // What is no document tells nothing, and the plugin serves.
    let node = TestNode::start(&[document("paths: [")], |_| {}).await;
    node.get("/hello/a").await.assert_status(200);
    let metrics = Metrics::of(&node).await;
    metrics.assert(
        &format!("{REQUESTS}_count"),
        &["http_route=\"/hello\""],
        1.0,
    );
}

/// Series of releases do not heap up: those of one that was replaced go when
/// the next one is.
#[tokio::test]
async fn requests_are_counted_by_release_and_forgotten_with_it() {
    let release = |version: u32| variant("hello", &format!("version = \"0.{version}.0\""));
    let node = TestNode::start(&[release(1)], |_| {}).await;
    let count = format!("{REQUESTS}_count");
    for version in 1..=3 {
        if version > 1 {
            node.operator().deploy(&release(version)).await;
        }
        for _ in 0..version {
            node.get("/hello").await.assert_status(200);
        }
    }
    let metrics = Metrics::of(&node).await;
    let label = |version: u32| format!("release=\"0.{version}.0\"");
    assert_eq!(metrics.value(&count, &[&label(1)]), None);
    metrics.assert(&count, &[&label(2), "http_route=\"/hello\""], 2.0);
    metrics.assert(&count, &[&label(3), "http_route=\"/hello\""], 3.0);
    metrics.assert_sound();
}

#[tokio::test]
async fn refusals_are_counted_by_their_reason() {
    let small = variant("hostile", "[limits]\nbody = '1 KiB'");
    let node = TestNode::start(&[small], |_| {}).await;
    node.get("/nowhere").await.assert_status(404);
    let large = Request::post(node.url("/hostile/mirror"));
    node.send(large, vec![b'x'; 5000]).await.assert_status(413);
    node.get("/hostile/trap").await.assert_status(500);
    let mut wire = node.wire().await;
    wire.send("nonsense\r\n\r\n").await;
    wire.reply().await.assert_status(400);

    let metrics = Metrics::of(&node).await;
    for reason in ["no_route", "body_too_large", "plugin_failed", "malformed"] {
        let label = format!("reason=\"{reason}\"");
        metrics.assert("edge_http_refusals_total", &[&label], 1.0);
    }
    metrics.assert("edge_http_refusals_total", &["reason=\"rate_limit\""], 0.0);
}

/// Redis that is down is no overload: the alert would send its reader to the
/// wrong place.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_down_is_not_counted_as_overload() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = nobody.local_addr().expect("its address");
    drop(nobody);
    let one = "[limits]\ninstances = 1";
    let plugins = [fixture("buckets"), variant("hostile", one)];
    let node = TestNode::start(&plugins, |settings| {
        settings.redis_url = Some(format!("redis://{address}"));
        settings.queue_timeout = Duration::from_millis(1);
    })
    .await;
    node.get("/buckets/values/a").await.assert_status(503);
    let busy = node.spawn_get("/hostile/sleep?ms=1500");
    eventually("a request that finds no instance", async || {
        (node.get("/hostile/count").await.status == 503).then_some(())
    })
    .await;
    busy.await.expect("a reply").assert_status(200);
    let metrics = Metrics::of(&node).await;
    let count = |reason: &str| {
        let label = format!("reason=\"{reason}\"");
        metrics.value("edge_http_refusals_total", &[&label])
    };
    assert_eq!(count("dependency_unavailable"), Some(1.0));
    let refused = count("overload").zip(count("queue_timeout"));
    assert_eq!(refused.map(|(now, later)| now + later), Some(1.0));
}

#[tokio::test]
async fn what_is_under_way_is_counted_and_then_no_more() {
    let node = TestNode::start(&[fixture("hostile")], |_| {}).await;
    let mut wire = node.wire().await;
    wire.send(get("/hostile/sleep?ms=1000")).await;
    eventually("a request under way", async || {
        let metrics = Metrics::of(&node).await;
        (metrics.value("http_server_active_requests", &[]) == Some(1.0)).then_some(())
    })
    .await;
    wire.reply().await.assert_status(200);
    let metrics = Metrics::of(&node).await;
    metrics.assert("http_server_active_requests", &[], 0.0);
    let open = metrics
        .value("http_server_open_connections", &[])
        .expect("a count");
    drop(wire);
    eventually("one connection less", async || {
        let metrics = Metrics::of(&node).await;
        let now = metrics.value("http_server_open_connections", &[]);
        now.filter(|now| *now < open)
    })
    .await;
}

#[tokio::test]
async fn limits_count_what_they_let_pass_and_what_not() {
    let node = TestNode::start(&[fixture("hello")], |settings| {
        settings.rate_limit = Some(Rate {
            quota: 1,
            window: Duration::from_secs(3600),
            burst: 3,
        });
    })
    .await;
    for status in [200, 200, 200, 429, 429] {
        node.get("/hello").await.assert_status(status);
    }
    let metrics = Metrics::of(&node).await;
    let decisions = "edge_rate_limit_decisions_total";
    metrics.assert(decisions, &["decision=\"allowed\""], 3.0);
    metrics.assert(decisions, &["decision=\"refused\""], 2.0);
    metrics.assert("edge_http_refusals_total", &["reason=\"rate_limit\""], 2.0);
    metrics.assert("edge_rate_limit_fallbacks_total", &["to=\"local\""], 0.0);
}
