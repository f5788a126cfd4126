//! Secret parts of paths, in what logs and traces tell of a request.

use std::collections::BTreeSet;
use std::time::Duration;

use http::Request;
use serde_json::json;

use crate::harness::{PluginFolder, TestNode, variant};
use crate::observability::collector::Collector;

/// OTLP's number for the span of a request.
const SERVER: i32 = 2;

/// A release whose document calls a part of a path so, and says of it whether
/// it is secret.
fn release(version: &str, parameter: &str, is_secret: bool) -> PluginFolder {
    let document = format!(
        "openapi: 3.1.0\npaths:\n  /hostile/{{{parameter}}}/x:\n    parameters:\n      - \
         {{ name: {parameter}, in: path, required: true, x-secret: {is_secret} }}\n"
    );
    variant("hostile", &format!("version = {version:?}")).with("openapi.yaml", document)
}

/// Returns how paths are told, of requests that both releases have answered.
async fn told(active: &PluginFolder, canary: &PluginFolder) -> BTreeSet<String> {
    let collector = Collector::start().await;
    let endpoint = format!("{}/v1/traces", collector.url());
    let node = TestNode::start(std::slice::from_ref(active), |settings| {
        settings.traces.endpoint = Some(endpoint.parse().expect("an address"));
        settings.traces.delay = Duration::from_millis(50);
    })
    .await;
    let operator = node.operator();
    let rollout = operator
        .begin(canary, json!({ "canary_percent": 50 }))
        .await;
    operator.until(&rollout, |phase| phase == "canary").await;

    let (mut paths, mut releases) = (BTreeSet::new(), BTreeSet::new());
    for client in 0..24 {
        let trace = format!("{:032x}", rand::random::<u128>().max(1));
        let parent = format!("00-{trace}-00f067aa0ba902b7-01");
        let request = Request::get(node.url("/hostile/sesame/x"))
            .header("user-agent", client.to_string())
            .header("traceparent", parent);
        node.send(request, "").await.assert_status(404);
        let is_server = |span: &_| {
            matches!(
                span,
                crate::observability::collector::Told { kind: SERVER, .. }
            )
        };
        let spans = collector
            .trace(&trace, |spans| spans.iter().any(is_server))
            .await;
        let span = spans.iter().find(|span| is_server(span)).expect("its span");
        paths.insert(span.get("url.path").to_owned());
        releases.insert(span.get("edge.release").to_owned());
    }
    assert_eq!(releases.len(), 2, "{releases:?}");
    paths
}

#[tokio::test]
async fn what_any_release_that_serves_marks_is_not_told() {
    let masked = BTreeSet::from(["/hostile/***/x".to_owned()]);
    for (active, canary) in [
        // The canary calls it otherwise.
        (
            release("0.1.0", "cart", true),
            release("0.2.0", "key", true),
        ),
        // Only one of both knows that it is secret.
        (
            release("0.1.0", "cart", true),
            release("0.2.0", "cart", false),
        ),
        (
            release("0.1.0", "cart", false),
            release("0.2.0", "key", true),
        ),
    ] {
        assert_eq!(told(&active, &canary).await, masked);
    }
    let plain = (
        release("0.1.0", "cart", false),
        release("0.2.0", "key", false),
    );
    let paths = told(&plain.0, &plain.1).await;
    assert_eq!(paths, BTreeSet::from(["/hostile/sesame/x".to_owned()]));
}
