//! What the canary analysis finds on nodes that are busy.

use serde_json::{Value, json};

use super::canary_load::{Load, narrow, wide};
use crate::harness::{Operator, TestNode, eventually};

/// Requests of the canary that are compared in a test.
const ENOUGH: u64 = 1500;

/// How the canary does, while there is one.
async fn canary(operator: &Operator) -> Value {
    operator.get("/v1/plugins/hostile/rollout").await["progress"]["canary"].clone()
}

/// One request in ten fails, of both releases alike, on a machine that the
/// tests beside this one keep busy.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_is_no_worse_passes_under_load() {
    let node = TestNode::start(&[narrow("0.1.0")], |_| {}).await;
    let operator = node.operator();
    let same = narrow("0.2.0");
    let rollout = operator.begin(&same, json!({ "canary_percent": 50 })).await;
    operator.until(&rollout, |phase| phase == "canary").await;

    let load = Load::start(node.address(), 10);
    let compared = eventually("enough to compare", async || {
        let canary = canary(&operator).await;
        let compared = canary["compared"].as_u64().expect("a canary that goes on");
        (compared >= ENOUGH).then_some(canary)
    })
    .await;
    assert!(load.failed() > 200, "{} of {}", load.failed(), load.asked());
    load.stop().await;
    let evidence = compared["evidence"].as_str().expect("evidence");
    assert!(evidence.contains("errors: "), "{evidence}");
    assert!(
        compared["p_value"].as_f64().expect("a number") > 0.009,
        "{compared}"
    );
    assert_eq!(compared["waits_for"], "`edge promote hostile`");
    let echo = &compared["routes"]["/hostile/echo"];
    let failed = |side: &str| {
        let [requests, bad] = ["requests", "bad"].map(|what| echo[side][what].as_u64());
        assert_eq!(requests, bad, "{echo}");
        requests.expect("a number")
    };
    assert!(failed("canary") > 20 && failed("active") > 20, "{echo}");

    let path = format!("/v1/rollouts/{rollout}");
    assert_eq!(operator.get(&path).await["phase"], "canary");
    operator.decide("hostile", "promote").await;
    assert_eq!(operator.end_of(&rollout).await["phase"], "done");
}

/// The route has one of forty requests: of all requests together, fewer fail
/// than the margin allows.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_fails_one_route_of_little_traffic_is_withdrawn() {
    let node = TestNode::start(&[wide("0.1.0")], |_| {}).await;
    let operator = node.operator();
    let rollout = operator
        .begin(&narrow("0.2.0"), json!({ "canary_percent": 30 }))
        .await;
    operator.until(&rollout, |phase| phase == "canary").await;

    let load = Load::start(node.address(), 40);
    let end = operator.end_of(&rollout).await;
    let (asked, failed) = (load.asked(), load.failed());
    load.stop().await;
    assert_eq!(end["phase"], "failed", "{end}");
    let reason = end["reason"].as_str().expect("a reason");
    assert!(reason.contains("errors of /hostile/echo: "), "{reason}");
    assert!(failed * 50 < asked, "{failed} of {asked}");
}
