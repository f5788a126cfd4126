//! Traces: which spans there are, how they hang together, and what becomes of
//! a node whose collector does not answer.

use std::time::{Duration, Instant};

use edge::config::{Sampling, Secret, Settings};
use http::{Method, Request};
use serde_json::json;
use url::form_urlencoded;

use super::collector::{Collector, Told};
use super::metrics::Metrics;
use crate::harness::{Reply, Running, TestNode, data_folder, edge, eventually, fixture, variant};
use crate::shop::{PASSWORD, Shop};

/// Spans' kinds, as OTLP numbers them.
const INTERNAL: i32 = 1;
const SERVER: i32 = 2;
const CLIENT: i32 = 3;

/// The client's own span.
const CLIENTS: &str = "00f067aa0ba902b7";

fn send_to(settings: &mut Settings, url: &str) {
    let endpoint = format!("{url}/v1/traces");
    settings.traces.endpoint = Some(endpoint.parse().expect("an address"));
    settings.traces.delay = Duration::from_millis(50);
}

/// A trace that nobody else has.
fn new_trace() -> String {
    format!("{:032x}", rand::random::<u128>().max(1))
}

async fn get(node: &TestNode, target: &str, trace: &str, flags: &str) -> Reply {
    let parent = format!("00-{trace}-{CLIENTS}-{flags}");
    let request = Request::get(node.url(target)).header("traceparent", parent);
    node.send(request, "").await
}

fn has_server(spans: &[Told]) -> bool {
    spans.iter().any(|span| span.kind == SERVER)
}

/// The one span that `wanted` likes.
#[track_caller]
fn one(spans: &[Told], wanted: impl Fn(&Told) -> bool) -> &Told {
    let found: Vec<_> = spans.iter().filter(|span| wanted(span)).collect();
    assert_eq!(found.len(), 1, "{spans:#?}");
    found[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_one_trace_through_plugins_and_stores() {
    let collector = Collector::start().await;
    let url = collector.url();
    for shop in Shop::both_with(|settings| send_to(settings, &url)).await {
        let customer = shop.customer().await;
        let cart = customer.new_cart().await;
        customer.add(&cart, 2, "L, Red").await;
        let trace = new_trace();
        let parent = format!("00-{trace}-{CLIENTS}-01");
        let fields = json!({ "cart_id": cart, "shipping_id": 1, "tax_id": 1 });
        let headers = [("traceparent", &*parent), ("tracestate", "other=1")];
        let reply = customer
            .ask_with(Method::POST, "/orders", &headers, &fields)
            .await;
        reply.assert_status(200);

        let spans = collector.trace(&trace, has_server).await;
        let server = one(&spans, |span| span.kind == SERVER);
        assert_eq!(server.parent, CLIENTS);
        assert_eq!(server.name, "POST /orders");
        let expected = [
            ("http.request.method", "POST"),
            ("http.route", "/orders"),
            ("http.response.status_code", "200"),
            ("url.path", "/orders"),
            ("edge.plugin", "order"),
            ("edge.release", "order@0.1.0"),
            (
                "edge.request_id",
                reply.header("edge-request-id").expect("an id"),
            ),
        ];
        for (attribute, value) in expected {
            assert_eq!(server.get(attribute), value, "{attribute} of {server:?}");
        }
        assert_eq!(server.resource["service.name"], "edge");
        assert_eq!(server.resource["edge.region"], "local");

        let order = one(&spans, |span| span.name == "order handle");
        assert_eq!((&order.parent, order.kind), (&server.id, INTERNAL));
        let stored = spans.iter().filter(|span| span.parent == order.id);
        let stored: Vec<_> = stored.filter(|span| span.name == "INSERT orders").collect();
        assert!(!stored.is_empty(), "{spans:#?}");
        for span in stored {
            assert_eq!(span.kind, CLIENT);
            assert_eq!(span.get("db.query.summary"), span.name);
            assert_eq!(span.get("db.operation.name"), "execute");
        }

        let asks = |span: &&Told| span.get("rpc.service").starts_with("shop:catalog/catalog");
        let catalog = spans.iter().find(asks).expect("a call of the catalog");
        assert_eq!(catalog.parent, order.id);
        assert_eq!(catalog.get("edge.plugin"), "product");
        let read = |span: &&Told| span.parent == catalog.id && span.name.starts_with("SELECT ");
        let read = spans.iter().find(read).expect("its statement");
        let system = format!("{:?}", shop.store())
            .replace("MariaDb", "mysql")
            .to_lowercase();
        assert_eq!(read.get("db.system.name"), system);
        assert!(read.name.contains(" product"), "{read:?}");
        assert_tells_nothing(&spans, &[&customer.email, PASSWORD, &cart]);
    }
}

/// Spans hold nothing of what a client sent but the path.
#[track_caller]
fn assert_tells_nothing(spans: &[Told], secrets: &[&str]) {
    let told = format!("{spans:?}");
    for secret in secrets {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
}

#[tokio::test]
async fn who_does_not_want_a_trace_has_none_and_passes_that_on() {
    let collector = Collector::start().await;
    let fetch = variant(
        "fetch",
        &format!("[grants]\noutbound = ['{}']", collector.url()),
    );
    let node = TestNode::start(&[fetch], |settings| send_to(settings, &collector.url())).await;
    let called = format!("{}/called", collector.url());
    let called: String = form_urlencoded::byte_serialize(called.as_bytes()).collect();
    let target = format!("/fetch?url={called}");

    let (quiet, loud) = (new_trace(), new_trace());
    get(&node, &target, &quiet, "00").await.assert_status(200);
    get(&node, &target, &loud, "01").await.assert_status(200);
    let spans = collector.trace(&loud, has_server).await;
    assert!(collector.spans_of(&quiet).is_empty());

    let calls = collector.calls();
    let parents = calls
        .iter()
        .map(|call| call["traceparent"].to_str().expect("text"));
    let parents: Vec<_> = parents.collect();
    assert!(
        parents[0].starts_with(&format!("00-{quiet}-")),
        "{parents:?}"
    );
    assert!(parents[0].ends_with("-00"), "{parents:?}");
    let out = one(&spans, |span| span.name == "outbound request");
    assert_eq!(parents[1], format!("00-{loud}-{}-01", out.id));
    assert_eq!(out.get("server.address"), "127.0.0.1");
    assert_eq!(out.get("http.response.status_code"), "200");
    assert!(!format!("{out:?}").contains("/called"), "{out:?}");
}

#[tokio::test]
async fn samplers_decide_over_what_begins_here() {
    let collector = Collector::start().await;
    let node = TestNode::start(&[fixture("hello")], |settings| {
        send_to(settings, &collector.url());
        settings.traces.sampling = Sampling::ParentOrNever;
        settings.traces.headers = Secret(vec![("api-key".to_owned(), "a key".to_owned())]);
        settings.traces.resource = vec![("deployment.environment.name".into(), "test".into())];
    })
    .await;
    node.get("/hello").await.assert_status(200);
    let trace = new_trace();
    get(&node, "/hello", &trace, "01").await.assert_status(200);
    let spans = collector.trace(&trace, has_server).await;
    assert_eq!(spans.len(), 2, "{spans:#?}");
    assert_eq!(spans[0].resource["deployment.environment.name"], "test");
    assert_eq!(collector.headers()[0]["api-key"], "a key");
    // The node learns a moment later that they were taken.
    let metrics = eventually("spans that are counted", async || {
        let metrics = Metrics::of(&node).await;
        let sent = metrics.value("edge_trace_spans_exported_total", &[]);
        (sent == Some(2.0)).then_some(metrics)
    })
    .await;
    metrics.assert_sound();
}

#[tokio::test]
async fn malformed_parents_begin_a_trace_here() {
    let collector = Collector::start().await;
    let node = TestNode::start(&[fixture("hello")], |settings| {
        send_to(settings, &collector.url());
    })
    .await;
    for parent in ["", "00-0-0-01", "garbage", "00-ZZ-\u{7f}"] {
        let request = Request::get(node.url("/hello"));
        if let Ok(value) = http::HeaderValue::from_str(parent) {
            let request = request.header("traceparent", value);
            node.send(request, "").await.assert_status(200);
        }
    }
    eventually("spans", async || {
        let metrics = Metrics::of(&node).await;
        metrics
            .value("edge_trace_spans_exported_total", &[])
            .filter(|sent| *sent >= 6.0)
    })
    .await;
}

#[tokio::test]
async fn without_a_collector_there_are_no_traces() {
    let node = TestNode::start(&[fixture("hello")], |_| {}).await;
    get(&node, "/hello", &new_trace(), "01")
        .await
        .assert_status(200);
    let metrics = Metrics::of(&node).await;
    assert_eq!(metrics.value("edge_trace_spans_exported_total", &[]), None);
}

#[tokio::test]
async fn a_collector_that_is_gone_costs_spans_and_nothing_else() {
    let collector = Collector::start().await;
    let url = collector.url();
    drop(collector);
    let node = TestNode::start(&[fixture("hello")], |settings| send_to(settings, &url)).await;
    for _ in 0..50 {
        node.get("/hello").await.assert_status(200);
    }
    let lost = ["reason=\"export_failed\""];
    eventually("spans that are lost", async || {
        let metrics = Metrics::of(&node).await;
        let lost = metrics.value("edge_trace_spans_dropped_total", &lost);
        lost.filter(|lost| *lost >= 100.0)
    })
    .await;
    assert!(node.stop().await);
}

/// It takes connections, and says nothing.
#[tokio::test]
async fn a_collector_that_hangs_holds_up_no_request_and_no_end() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let url = format!("http://{}", silent.local_addr().expect("an address"));
    let node = TestNode::start(&[fixture("hello")], |settings| send_to(settings, &url)).await;
    let began = Instant::now();
    for _ in 0..200 {
        node.get("/hello").await.assert_status(200);
    }
    // Less than what one batch waits for its answer.
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    assert!(node.stop().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn log_lines_name_the_trace() {
    let collector = Collector::start().await;
    let folder = data_folder();
    let mut command = edge(folder.path());
    command
        .env("EDGE_PLUGINS", fixture("hostile").path())
        .env("EDGE_LOG_FORMAT", "json")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())
        .env("OTEL_BSP_SCHEDULE_DELAY", "50")
        .env("OTEL_SERVICE_NAME", "shop")
        .env("OTEL_METRICS_EXPORTER", "none");
    let mut node = Running::start(command.arg("serve"));
    node.banner();
    let mut wire = node.wire().await;
    let trace = new_trace();
    for target in ["/hostile/log?bytes=200", "/hostile/trap"] {
        let parent = format!("traceparent: 00-{trace}-{CLIENTS}-01");
        wire.send(format!(
            "GET {target} HTTP/1.1\r\nhost: shop\r\n{parent}\r\n\r\n"
        ))
        .await;
        wire.reply().await;
        for target in ["plugin", "access"] {
            let line = node.line(|line| line.contains(&format!("\"target\":\"{target}\"")));
            assert!(
                line.contains(&format!("\"trace_id\":\"{trace}\"")),
                "{line}"
            );
        }
    }
    let spans = collector.trace(&trace, |spans| {
        spans.iter().filter(|span| span.kind == SERVER).count() == 2
    });
    let spans = spans.await;
    assert!(
        spans
            .iter()
            .all(|span| span.resource["service.name"] == "shop")
    );
    let trapped = one(&spans, |span| span.get("error.type") == "trap");
    assert_eq!(trapped.name, "hostile handle");
}

#[tokio::test]
async fn a_piece_of_scheduled_work_is_a_trace() {
    let collector = Collector::start().await;
    let node = TestNode::start(&[fixture("ticker")], |settings| {
        send_to(settings, &collector.url());
    })
    .await;
    let [count, trap] = [("count", ""), ("trap", "trap")].map(async |(task, error)| {
        let name = format!("ticker {task}");
        let spans = eventually(&name, async || {
            let roots = collector.spans_named(&name);
            let spans = collector.spans_of(&roots.first()?.trace);
            Some(spans).filter(|spans| spans.len() > 1)
        });
        let spans = spans.await;
        let root = one(&spans, |span| span.name == name);
        assert_eq!((&*root.parent, root.kind), ("", INTERNAL));
        assert_eq!(root.get("edge.release"), "ticker@0.1.0");
        assert_eq!(root.get("edge.task"), task);
        assert_eq!(root.get("error.type"), error);
        let changes = spans.iter().filter(|span| span.name == "UPDATE ticker");
        assert!(changes.clone().count() > 0, "{spans:#?}");
        assert!(changes.into_iter().all(|span| span.parent == root.id));
    });
    tokio::join!(count, trap);
    node.stop().await;
}
