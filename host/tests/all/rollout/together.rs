//! A canary that answers little on each node is judged by what it answers on
//! all.

use std::time::Duration;

use http::Request;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::json;

use super::fleet::{Fleet, Member};
use crate::harness::{exchange, variant};
use crate::servers::Redis;

/// Requests that a canary must have answered; no node of three sees so many.
const ENOUGH: &str = "30";
const ON_EACH: usize = 12;

/// Longer than nodes take to say what they have counted.
const HEARTBEAT: Duration = Duration::from_secs(4);

const WORSE: &str = "hostile@0.2.0";

/// Ask as other clients every time, until the canary has failed so often.
async fn let_it_fail(member: &Member) {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let url = format!("http://{}/hostile/echo", member.process.address());
    let (mut failed, mut asked) = (0, 0);
    while failed < ON_EACH {
        asked += 1;
        assert!(
            asked < 10 * ON_EACH,
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
    }
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
        .begin(&worse, json!({ "canary_percent": 90 }))
        .await;
    operator.until(&rollout, |phase| phase == "canary").await;

    let_it_fail(&fleet.members[0]).await;
    let_it_fail(&fleet.members[1]).await;
    tokio::time::sleep(HEARTBEAT).await;
    let path = format!("/v1/rollouts/{rollout}");
    assert_eq!(operator.get(&path).await["phase"], "canary");

    let_it_fail(&fleet.members[2]).await;
    let end = operator.end_of(&rollout).await;
    assert_eq!(end["phase"], "failed", "{end}");
    let reason = end["reason"].as_str().expect("a reason");
    assert!(reason.contains("3 nodes together"), "{reason}");
    assert!(reason.contains("of its 36 requests failed"), "{reason}");

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
