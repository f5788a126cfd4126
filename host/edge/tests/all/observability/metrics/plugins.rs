//! What releases did, and what they took.

use std::time::Duration;

use serde_json::json;

use super::Metrics;
use crate::harness::{TestNode, fixture, start_error, variant};

#[tokio::test]
async fn what_a_plugin_did_is_counted() {
    let node = TestNode::start(&[fixture("hello"), fixture("hostile")], |_| {}).await;
    for _ in 0..7 {
        node.get("/hello").await.assert_status(200);
    }
    node.get("/hostile/trap").await.assert_status(500);
    let metrics = Metrics::of(&node).await;
    let hello = ["plugin=\"hello\"", "role=\"active\""];
    metrics.assert("edge_plugin_requests_total", &hello, 7.0);
    metrics.assert("edge_plugin_errors_total", &hello, 0.0);
    metrics.assert("edge_plugin_duration_seconds_count", &hello, 7.0);
    metrics.assert_at_least("edge_plugin_duration_seconds_sum", &hello, 1e-9);
    metrics.assert("edge_plugin_instances_busy", &hello, 0.0);
    let trapped = ["plugin=\"hostile\"", "reason=\"trap\""];
    metrics.assert("edge_plugin_failures_total", &trapped, 1.0);
}

#[tokio::test]
async fn who_gives_way_to_others_is_counted() {
    const COUNT: &str = "edge_plugin_background_requests_total";
    let node = TestNode::start(&[fixture("hostile")], |_| {}).await;
    let hostile = ["plugin=\"hostile\""];
    node.get("/hostile/count").await.assert_status(200);
    Metrics::of(&node).await.assert(COUNT, &hostile, 0.0);
    node.get("/hostile/spin").await.assert_status(504);
    Metrics::of(&node).await.assert(COUNT, &hostile, 1.0);

    // A trap takes no time, but a plugin that does nothing else is trusted with
    // less and less of it.
    for _ in 0..20 {
        node.get("/hostile/trap").await.assert_status(500);
    }
    let metrics = Metrics::of(&node).await;
    metrics.assert_at_least(COUNT, &hostile, 10.0);
    for _ in 0..40 {
        node.get("/hostile/count").await.assert_status(200);
    }
    let forgiven = Metrics::of(&node).await.value(COUNT, &hostile);
    node.get("/hostile/count").await.assert_status(200);
    let later = Metrics::of(&node).await.value(COUNT, &hostile);
    assert!(
        later.is_some() && later == forgiven,
        "{later:?} {forgiven:?}"
    );
}

#[tokio::test]
async fn what_a_plugin_took_is_counted() {
    let one = variant("hostile", "[limits]\ninstances = 1\ncpu-time = '200ms'");
    let node = TestNode::start(&[one, fixture("hello")], |settings| {
        settings.queue_timeout = Duration::from_secs(10);
    })
    .await;
    let metrics = Metrics::of(&node).await;
    // The one that was made to see whether there can be any.
    let hostile = ["plugin=\"hostile\""];
    metrics.assert("edge_plugin_instances_created_total", &hostile, 1.0);
    metrics.assert("edge_plugin_queue_wait_seconds_count", &hostile, 0.0);

    node.get("/hostile/spin").await.assert_status(504);
    let slow = node.spawn_get("/hostile/sleep?ms=700");
    tokio::time::sleep(Duration::from_millis(200)).await;
    node.get("/hostile/count").await.assert_status(200);
    slow.await.expect("a reply").assert_status(200);

    let metrics = Metrics::of(&node).await;
    metrics.assert_at_least("edge_plugin_cpu_seconds_total", &hostile, 0.2);
    let idle = metrics.value("edge_plugin_cpu_seconds_total", &["plugin=\"hello\""]);
    assert!(idle.is_some_and(|seconds| seconds < 0.2), "{idle:?}");
    metrics.assert("edge_plugin_instances_created_total", &hostile, 2.0);
    metrics.assert("edge_plugin_queue_wait_seconds_count", &hostile, 1.0);
    let peak = metrics.value("edge_plugin_memory_peak_bytes", &hostile);
    let limit = metrics.value("edge_plugin_memory_limit_bytes", &hostile);
    assert!(
        peak >= Some(65_536.0) && peak <= limit,
        "{peak:?} of {limit:?}"
    );
}

#[tokio::test]
async fn what_a_plugin_asks_of_the_host_is_counted() {
    let node = TestNode::start(&[fixture("caller")], |_| {}).await;
    let hash = node
        .post("/caller/hash", r#"{"password":"correct horse"}"#)
        .await;
    hash.assert_status(200);
    for to in ["ada@example.com", "nobody at all"] {
        let message = json!({ "to": to, "subject": "s", "text": "t" });
        node.post("/caller/mail", message.to_string())
            .await
            .assert_status(200);
    }
    let metrics = Metrics::of(&node).await;
    let calls = "edge_host_call_duration_seconds_count";
    let hashed = [
        "interface=\"identity\"",
        "operation=\"hash-password\"",
        "outcome=\"ok\"",
    ];
    metrics.assert(calls, &hashed, 1.0);
    metrics.assert(calls, &["interface=\"mail\"", "outcome=\"ok\""], 1.0);
    metrics.assert(calls, &["interface=\"mail\"", "outcome=\"invalid\""], 1.0);
    metrics.assert_sound();
}

#[tokio::test]
async fn a_plugin_counts_what_its_manifest_declares_and_nothing_else() {
    let node = TestNode::start(&[fixture("caller")], |_| {}).await;
    let count = async |name: &str, labels: serde_json::Value, n: u64| {
        let body = json!({ "name": name, "labels": labels, "n": n });
        let reply = node.post("/caller/count", body.to_string()).await;
        reply.assert_status(200);
        reply.json()
    };
    let name = "caller_counts_total";
    assert_eq!(count(name, json!({ "kind": "one" }), 2).await, "counted");
    assert_eq!(count(name, json!({ "kind": "one" }), 3).await, "counted");
    let refused = [
        (name, json!({ "kind": "made up" })),
        (name, json!({})),
        (name, json!({ "kind": "one", "more": "x" })),
        ("made_up_total", json!({})),
    ];
    for (name, labels) in refused {
        let answer = count(name, labels, 1).await;
        assert!(answer["denied"].is_string(), "{answer}");
    }
    let metrics = Metrics::of(&node).await;
    let of = |kind: &str| [format!("kind=\"{kind}\""), "plugin=\"caller\"".to_owned()];
    let value = |kind: &str| {
        let labels = of(kind);
        metrics.value(name, &labels.each_ref().map(String::as_str))
    };
    assert_eq!((value("one"), value("other")), (Some(5.0), Some(0.0)));
    assert_eq!(metrics.value("made_up_total", &[]), None);
    metrics.assert_sound();
}

#[tokio::test]
async fn a_plugin_that_declares_no_counter_may_not_count() {
    let caller = variant("caller", "");
    let file = caller.path().join("plugin.toml");
    let text = std::fs::read_to_string(&file).expect("a manifest");
    let mut manifest: toml::Table = text.parse().expect("TOML");
    manifest.remove("metrics").expect("counters");
    std::fs::write(&file, manifest.to_string()).expect("a manifest");
    let error = start_error(&[caller], |_| {}).await;
    assert!(error.contains("edge:platform/metrics"), "{error}");
    assert!(error.contains("[metrics]"), "{error}");
}
