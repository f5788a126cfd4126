//! A canary of several nodes on one MariaDB: whoever is left leads it on.

use serde_json::json;
use test_servers::Redis;

use super::canary_load::{Load, wide};
use super::canary_steps::Webhook;
use super::fleet::Fleet;
use crate::harness::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_without_the_node_that_began_it() {
    let webhook = Webhook::default();
    webhook.answers("continue");
    let url = webhook.start().await;
    let redis = Redis::shared().database();
    let more = [
        ("EDGE_CANARY_REQUESTS", "20"),
        ("EDGE_CANARY_CHECK_INTERVAL", "1s"),
        ("EDGE_CANARY_CHECK_URLS", url.clone().leak()),
    ];
    let mut fleet = Fleet::of(wide("0.1.0"), redis, &more).await;
    // One of two in its region.
    let operator = fleet.operator(1);
    let plan = json!({
        "canary_steps": [30, 60],
        "every_ms": 500,
        "promote_after_ms": 500,
        // The node that dies is missed by nobody.
        "max_unavailable": 1,
        "check": { "webhook": { "url": url } },
    });
    let rollout = operator.begin(&wide("0.2.0"), plan).await;
    operator.until(&rollout, |phase| phase == "canary").await;
    operator.decide("hostile", "pause").await;
    fleet.members[1].process.kill();

    let operator = fleet.operator(2);
    let loads = [0, 2].map(|member| Load::start(fleet.members[member].process.address(), 10));
    eventually("requests of two nodes, while it is paused", async || {
        let rollout = operator.get("/v1/plugins/hostile/rollout").await;
        let canary = &rollout["progress"]["canary"];
        let is_enough = canary["compared"].as_u64()? > 60 && canary["nodes"] == 2;
        assert_eq!(canary["percent"], 30, "{rollout}");
        is_enough.then_some(())
    })
    .await;
    operator.decide("hostile", "resume").await;
    let end = operator.end_of(&rollout).await;
    for load in loads {
        load.stop().await;
    }
    assert_eq!(end["phase"], "done", "{end}");
    let releases = operator.get("/v1/plugins/hostile/releases").await;
    let log = releases["log"].as_array().expect("a log").iter().rev();
    let shares: Vec<_> = log
        .filter(|entry| entry["region"] == "us-east")
        .filter_map(|entry| entry["canary"]["percent"].as_u64())
        .collect();
    assert_eq!(shares, [30, 60], "each step is taken once");
}
