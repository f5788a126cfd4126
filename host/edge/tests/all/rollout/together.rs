//! A canary that answers little on each node is judged by what it answers on
//! all.

use std::time::Duration;

use http::Request;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use test_servers::Redis;

use super::fleet::{Fleet, Member};
use crate::harness::{Operator, eventually, exchange, variant};

/// Compared requests of a canary that a verdict takes. No node of three gets so
/// many here.
const ENOUGH: &str = "40";

/// Requests of the canary on each node: 10 that are not compared, and fewer than
/// half of what a verdict takes.
const ON_EACH: usize = 28;

const WORSE: &str = "hostile@0.2.0";

/// Ask as other clients every time, until the canary has failed so often. Time
/// passes meanwhile: requests of one moment are one block.
async fn let_it_fail(member: &Member) {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let url = format!("http://{}/hostile/echo", member.process.address());
    let (mut failed, mut asked) = (0, 0);
    while failed < ON_EACH {
        asked += 1;
        assert!(
            asked < 20 * ON_EACH,
            "the canary answered {failed} of {asked}"
        );
        let request = Request::post(&url)
            .header("user-agent", asked.to_string())
            .body(Full::from("x".repeat(2048)))
            .expect("a request");
        let reply = exchange(&client, request).await.expect("a reply");
        if reply.header("edge-release") == Some(WORSE) {
            reply.assert_status(500);
            failed += 1;
        }
        tokio::time::sleep(APART).await;
    }
}

/// Time between two requests.
const APART: Duration = Duration::from_millis(50);

/// What the nodes have reported to have compared.
async fn compared(operator: &Operator) -> u64 {
    let rollout = operator.get("/v1/plugins/hostile/rollout").await;
    let canary = &rollout["progress"]["canary"];
    canary["compared"].as_u64().expect("a canary that goes on")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_few_meet_on_each_node_is_withdrawn() {
    let redis = Redis::shared().database();
    let plugin = variant("hostile", "");
    let fleet = Fleet::of(plugin, redis, &[("EDGE_CANARY_REQUESTS", ENOUGH)]).await;
    let worse = variant(
        "hostile",
        "version = \"0.2.0\"\n[limits]\nresponse = \"1 KiB\"",
    );
    let operator = fleet.operator(0);
    let rollout = operator
        .begin(&worse, json!({ "canary_percent": 50 }))
        .await;
    operator.until(&rollout, |phase| phase == "canary").await;

    let_it_fail(&fleet.members[0]).await;
    let_it_fail(&fleet.members[1]).await;
    let first = eventually("what two nodes have compared", async || {
        let compared = compared(&operator).await;
        (compared >= 24).then_some(compared)
    })
    .await;
    assert!(first < 40, "{first}");
    let path = format!("/v1/rollouts/{rollout}");
    assert_eq!(operator.get(&path).await["phase"], "canary");

    // It is withdrawn as soon as all three have compared enough.
    let failing = async {
        let_it_fail(&fleet.members[2]).await;
        std::future::pending::<()>().await;
    };
    let end = tokio::select! {
        () = failing => unreachable!("it does not end"),
        end = operator.end_of(&rollout) => end,
    };
    assert_eq!(end["phase"], "failed", "{end}");
    let reason = end["reason"].as_str().expect("a reason");
    assert!(reason.contains("3 nodes together"), "{reason}");
    assert!(reason.contains("errors"), "{reason}");

    // It is over when no client meets it any more.
    let client = Client::builder(TokioExecutor::new()).build_http();
    for member in &fleet.members {
        for agent in 0..20 {
            let request =
                Request::get(format!("http://{}/hostile/count", member.process.address()))
                    .header("user-agent", agent.to_string())
                    .body(Full::default())
                    .expect("a request");
            let reply = exchange(&client, request).await.expect("a reply");
            assert_eq!(reply.header("edge-release"), Some("hostile@0.1.0"));
        }
    }
}
