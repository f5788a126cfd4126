//! Canaries that go on by themselves, and rollouts that are held.

use std::sync::{Arc, Mutex};

use axum::routing::post;
use axum::{Json, Router};
use http::Method;
use serde_json::{Value, json};
use test_servers::Prometheus;
use tokio::net::TcpListener;

use super::canary_load::{Load, wide};
use super::commands::run;
use crate::harness::{Operator, TestNode, eventually};

/// Requests of a hundred and fifty clients, one after another, over several
/// blocks of those in which releases are compared.
async fn ask_for_a_while(node: &TestNode) {
    for client in 0..150 {
        let request = http::Request::get(node.url("/hostile/count"));
        let reply = node.send(request.header("user-agent", format!("again {client}")), "");
        reply.await.assert_status(200);
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// What was compared before a step counts for none after it, and need not be
/// compared once more by nodes that were started again.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_all_nodes_delays_a_step_by_no_more_than_its_requests() {
    let data = crate::harness::data_folder();
    let start = async || {
        TestNode::start_in(data.path(), &[wide("0.1.0")], |settings| {
            settings.canary.requests = NEEDED;
        })
        .await
    };
    let node = start().await;
    let operator = node.operator();
    let plan = json!({ "canary_percent": 40, "promote_after_ms": 3_600_000 });
    let rollout = operator.begin(&wide("0.2.0"), plan).await;
    operator.until(&rollout, |phase| phase == "canary").await;
    let load = Load::start(node.address(), 10);
    eventually("many requests at the first step", async || {
        (canary(&operator).await["compared"].as_u64()? > 500).then_some(())
    })
    .await;
    load.stop().await;
    let (code, _, error) = run(&node, &["canary", "hostile", "--percent", "60%"]).await;
    assert_eq!(code, Some(0), "{error}");
    eventually("the next step, in which nobody has asked", async || {
        let canary = canary(&operator).await;
        let is_next = canary["percent"] == 60 && canary["nodes"] == 1;
        (is_next && canary["compared_at_step"] == 0).then_some(())
    })
    .await;
    assert!(node.stop().await);

    let node = start().await;
    let operator = node.operator();
    ask_for_a_while(&node).await;
    until_waits_for(&operator, "to pass").await;
    let now = canary(&operator).await;
    assert!(now["compared"].as_u64().expect("a number") < 500, "{now}");
}

/// Requests that each step needs.
const NEEDED: u64 = 20;

async fn node(allowed: &str) -> TestNode {
    TestNode::start(&[wide("0.1.0")], |settings| {
        settings.canary.requests = NEEDED;
        settings.canary.check_interval = std::time::Duration::from_millis(200);
        if !allowed.is_empty() {
            settings.canary.check_urls = allowed.parse().expect("addresses");
        }
    })
    .await
}

async fn canary(operator: &Operator) -> Value {
    operator.get("/v1/plugins/hostile/rollout").await["progress"]["canary"].clone()
}

/// Wait until the canary waits for something like this.
async fn until_waits_for(operator: &Operator, what: &str) -> Value {
    eventually(what, async || {
        let canary = canary(operator).await;
        let waits_for = canary["waits_for"].as_str().unwrap_or_default();
        waits_for.contains(what).then_some(canary)
    })
    .await
}

/// The shares that the release log has seen, oldest first.
async fn shares(operator: &Operator) -> Vec<u64> {
    let releases = operator.get("/v1/plugins/hostile/releases").await;
    let log = releases["log"].as_array().expect("a log").iter().rev();
    let shares = log.filter_map(|entry| entry["canary"]["percent"].as_u64());
    shares.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_through_its_steps_and_is_promoted_but_not_without_requests() {
    let node = node("").await;
    let operator = node.operator();
    let plan = json!({ "canary_steps": [30, 60], "every_ms": 400, "promote_after_ms": 400 });
    let rollout = operator.begin(&wide("0.2.0"), plan).await;
    operator.until(&rollout, |phase| phase == "canary").await;

    let waiting = eventually("much more time than a step takes", async || {
        let canary = canary(&operator).await;
        let healthy = canary["healthy_ms"].as_u64().expect("a time");
        (healthy > 2000).then_some(canary)
    })
    .await;
    assert_eq!(waiting["percent"], 30, "{waiting}");
    let waits_for = waiting["waits_for"].as_str().expect("words");
    assert!(
        waits_for.contains("20 compared requests at this step; there are 0"),
        "{waits_for}"
    );

    let load = Load::start(node.address(), 10);
    let end = operator.end_of(&rollout).await;
    load.stop().await;
    assert_eq!(end["phase"], "done", "{end}");
    assert_eq!(shares(&operator).await, [30, 60]);
    let audit = operator.get("/v1/audit").await;
    let audit = audit.as_array().expect("records").iter();
    let actions: Vec<_> = audit
        .filter_map(|record| record["action"].as_str())
        .collect();
    assert!(actions.contains(&"canary raised"), "{actions:?}");
    assert!(actions.contains(&"canary promoted"), "{actions:?}");
    let metrics = operator.send(Method::GET, "/metrics", "").await;
    let promoted = "edge_rollout_verdicts_total{plugin=\"hostile\",verdict=\"promoted\"";
    assert!(metrics.text().contains(promoted), "{}", metrics.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_that_is_paused_stays_where_it_is() {
    let node = node("").await;
    let operator = node.operator();
    let plan = json!({ "canary_percent": 40, "promote_after_ms": 3_600_000 });
    let rollout = operator.begin(&wide("0.2.0"), plan).await;
    operator.until(&rollout, |phase| phase == "canary").await;
    let load = Load::start(node.address(), 10);
    let promoted = until_waits_for(&operator, "to pass").await;
    assert_eq!(promoted["percent"], 40);

    let (code, output, error) = run(&node, &["rollout", "pause", "hostile"]).await;
    assert_eq!(code, Some(0), "{error}");
    assert!(output.contains("paused"), "{output}");
    let (code, _, error) = run(&node, &["rollout", "pause", "hostile"]).await;
    assert_eq!(code, Some(1));
    assert!(error.contains("is paused already"), "{error}");
    for refused in [
        &["promote", "hostile"][..],
        &["canary", "hostile", "--percent", "50%"],
    ] {
        let (code, _, error) = run(&node, refused).await;
        assert_eq!(code, Some(1), "{refused:?}");
        assert!(error.contains("resume it first"), "{error}");
    }
    let (code, shown, _) = run(&node, &["status"]).await;
    assert_eq!(code, Some(0));
    assert!(shown.contains("paused by tester"), "{shown}");

    let (code, _, error) = run(&node, &["rollout", "resume", "hostile"]).await;
    assert_eq!(code, Some(0), "{error}");
    let (code, _, error) = run(&node, &["canary", "hostile", "--percent", "50%"]).await;
    assert_eq!(code, Some(0), "{error}");
    eventually("the other share", async || {
        (shares(&operator).await == [40, 50]).then_some(())
    })
    .await;
    let (code, shown, error) = run(&node, &["rollout", "show", "hostile"]).await;
    assert_eq!(code, Some(0), "{error}");
    assert!(shown.contains("canary: 50%"), "{shown}");
    assert!(
        shown.contains("evidence, canary vs active: errors: 0/"),
        "{shown}"
    );
    assert!(shown.contains("/hostile/echo  errors: 0/"), "{shown}");
    load.stop().await;
    operator.decide("hostile", "abort").await;
    assert_eq!(operator.end_of(&rollout).await["phase"], "aborted");
}

/// One that is paused at a region has not begun the next thing when it goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_without_a_canary_is_paused_too() {
    let node = node("").await;
    let operator = node.operator();
    let rollout = operator
        .begin(&wide("0.2.0"), json!({ "pause_ms": 5000 }))
        .await;
    let serves = async |least_ms: u64| {
        let status = operator.get("/v1/status").await;
        let report = &status["nodes"][0]["plugins"]["hostile"];
        let is_new = report["active"]["version"] == "0.2.0";
        (is_new && report["for_ms"].as_u64()? >= least_ms).then_some(())
    };
    eventually("the new release", async || serves(0).await).await;
    operator.decide("hostile", "pause").await;
    eventually(
        "the new release, for longer than it is watched",
        async || serves(6500).await,
    )
    .await;
    let path = format!("/v1/rollouts/{rollout}");
    assert_eq!(operator.get(&path).await["phase"], "running");
    operator.decide("hostile", "resume").await;
    assert_eq!(operator.end_of(&rollout).await["phase"], "done");
}

/// A service that answers with what it was told to, and keeps what it is sent.
#[derive(Clone, Default)]
pub struct Webhook {
    answer: Arc<Mutex<Value>>,
    asked: Arc<Mutex<Option<Value>>>,
}

impl Webhook {
    /// Serve, and return the address.
    pub async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let this = self.clone();
        let answer = post(move |Json(facts): Json<Value>| async move {
            *this.asked.lock().expect("no panic") = Some(facts);
            Json(this.answer.lock().expect("no panic").clone())
        });
        let router = Router::new().route("/canary", answer);
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}/canary")
    }

    /// Answer with this verdict from now on.
    pub fn answers(&self, verdict: &str) {
        *self.answer.lock().expect("no panic") =
            json!({ "verdict": verdict, "reason": "I said so" });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_holds_promotes_and_withdraws_a_canary() {
    let webhook = Webhook::default();
    let url = webhook.start().await;
    let node = node(&url).await;
    let operator = node.operator();
    let plan = || json!({ "canary_percent": 40, "promote_after_ms": 1, "check": { "webhook": { "url": url } } });
    let load = Load::start(node.address(), 10);
    // Its answer is no verdict yet.
    let rollout = operator.begin(&wide("0.2.0"), plan()).await;
    until_waits_for(&operator, "the answer is no verdict").await;
    webhook.answers("continue");
    assert_eq!(operator.end_of(&rollout).await["phase"], "done");
    let asked = webhook
        .asked
        .lock()
        .expect("no panic")
        .take()
        .expect("asked");
    assert_eq!(asked["rollout"], rollout.as_str(), "{asked}");
    assert_eq!(asked["plugin"], "hostile");
    assert!(asked["compared"].as_u64().is_some() && asked["errors"]["canary"].is_object());

    webhook.answers("withdraw");
    let rollout = operator.begin(&wide("0.3.0"), plan()).await;
    let end = operator.end_of(&rollout).await;
    assert_eq!(end["phase"], "failed", "{end}");
    assert!(
        end["reason"]
            .as_str()
            .expect("a reason")
            .contains("I said so"),
        "{end}"
    );
    load.stop().await;
}

/// Nobody listens at the address: the canary is not promoted.
#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_cannot_be_reached_or_is_not_allowed_promotes_nothing() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        format!("http://{}", listener.local_addr().expect("an address"))
    };
    let node = node(&closed).await;
    let operator = node.operator();
    let plan = |url: &str| {
        let prometheus = json!({ "url": url, "query": "vector(0)" });
        json!({ "canary_percent": 40, "promote_after_ms": 1, "check": { "prometheus": prometheus } })
    };
    let refused = operator
        .try_deploy(&wide("0.2.0"), plan("http://169.254.169.254"))
        .await;
    refused.assert_status(400);
    assert!(refused.text().contains("canary_check_urls"), "{refused:?}");

    let load = Load::start(node.address(), 10);
    let rollout = operator.begin(&wide("0.2.0"), plan(&closed)).await;
    let waiting = until_waits_for(&operator, &format!("the check {closed}: ")).await;
    assert_eq!(waiting["check"]["verdict"], "unknown", "{waiting}");
    load.stop().await;
    let path = format!("/v1/rollouts/{rollout}");
    assert_eq!(operator.get(&path).await["phase"], "canary");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_of_prometheus_withdraws_a_canary_or_lets_it_go_on() {
    let prometheus = Prometheus::start().expect("Prometheus");
    let url = prometheus.url();
    let node = node(&url).await;
    let load = Load::start(node.address(), 10);
    let deploy = async |version: &str, query: &str| {
        let folder = wide(version);
        let path = folder.path().to_str().expect("text").to_owned();
        let arguments = [
            "deploy",
            &path,
            "--canary",
            "40%",
            "--promote-after",
            "1ms",
            "--check-prometheus",
            &url,
            "--check-query",
            query,
            "--wait",
        ];
        run(&node, &arguments).await
    };
    let (code, output, error) = deploy("0.2.0", "vector(0.02) > 0.05").await;
    assert_eq!(code, Some(0), "{output}{error}");
    assert!(output.contains("done"), "{output}");
    let (code, output, error) = deploy("0.3.0", "vector(0.02) > 0.01").await;
    assert_eq!(code, Some(3), "{output}{error}");
    assert!(error.contains("is 0.02"), "{error}");
    load.stop().await;
}

#[tokio::test]
async fn plans_that_make_no_sense_are_refused() {
    let node = node("").await;
    let operator = node.operator();
    for (plan, problem) in [
        (
            json!({ "canary_steps": [10, 5], "every_ms": 1 }),
            "larger than the one before",
        ),
        (
            json!({ "canary_steps": [10, 100], "every_ms": 1 }),
            "1 to 99 percent",
        ),
        (json!({ "canary_steps": [10, 20] }), "needs a time"),
        (
            json!({ "canary_percent": 10, "every_ms": 5 }),
            "no time between steps",
        ),
        (json!({ "promote_after_ms": 5 }), "no canary to promote"),
        (
            json!({ "canary_percent": 3, "canary_steps": [4] }),
            "not the first",
        ),
    ] {
        let refused = operator.try_deploy(&wide("0.2.0"), plan).await;
        refused.assert_status(400);
        assert!(refused.text().contains(problem), "{problem}: {refused:?}");
    }
    for action in ["pause", "resume", "canary"] {
        let path = format!("/v1/plugins/hostile/{action}");
        let refused = operator.send(Method::POST, &path, r#"{"percent":5}"#).await;
        refused.assert_status(409);
    }
}
