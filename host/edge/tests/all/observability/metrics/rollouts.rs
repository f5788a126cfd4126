//! How a node follows the release log.

use super::Metrics;
use crate::harness::{TestNode, eventually, fixture, variant};
use serde_json::json;

#[tokio::test]
async fn releases_that_come_are_counted_and_those_that_cannot() {
    let node = TestNode::start(&[fixture("hello")], |_| {}).await;
    let operator = node.operator();
    operator
        .deploy(&variant("hello", "version = '0.2.0'"))
        .await;
    let metrics = Metrics::of(&node).await;
    let activations = "edge_release_activations_total";
    metrics.assert(activations, &["outcome=\"done\""], 1.0);
    metrics.assert(activations, &["outcome=\"failed\""], 0.0);
    metrics.assert("edge_release_pending", &["state=\"failed\""], 0.0);
    let serves = ["plugin=\"hello\"", "version=\"0.2.0\""];
    metrics.assert("edge_release_info", &serves, 1.0);

    let preparations = "edge_release_preparations_total";
    metrics.assert(preparations, &["outcome=\"done\""], 1.0);
    let broken = variant("hello", "version = '0.3.0'\ncomponent = 'broken.wasm'");
    let broken = broken.with("broken.wasm", b"no component");
    let refused = operator.try_deploy(&broken, json!({})).await;
    assert!((400..500).contains(&refused.status), "{refused:?}");
    let trapping = variant(
        "hostile",
        "name = 'hello'\nversion = '0.4.0'\nhealth = '/hostile/trap'",
    );
    let refused = operator.try_deploy(&trapping, json!({})).await;
    assert!((400..500).contains(&refused.status), "{refused:?}");
    let metrics = Metrics::of(&node).await;
    metrics.assert(preparations, &["outcome=\"failed\""], 1.0);
    metrics.assert(activations, &["outcome=\"done\""], 1.0);
    metrics.assert_sound();
}

#[tokio::test]
async fn the_log_is_read_again_and_again() {
    let node = TestNode::start(&[fixture("hello")], |_| {}).await;
    let read = async || {
        let metrics = Metrics::of(&node).await;
        metrics.value("edge_release_log_read_timestamp_seconds", &[])
    };
    let first = eventually("a first look", async || read().await).await;
    assert!(first > 1.7e9, "{first} seconds since 1970");
    eventually("another look", async || {
        read().await.filter(|now| *now > first)
    })
    .await;
}
