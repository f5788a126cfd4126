//! Releases go from region to region.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_servers::Redis;

use super::fleet::{Fleet, Member, hello, release};
use crate::harness::{PluginFolder, Running, SECRET, TOKENS, Wire, edge, eventually, get, variant};

/// One that does not answer its own health path.
fn sick() -> PluginFolder {
    variant("hello", "version = \"0.66.0\"\nhealth = \"/nothing\"")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_goes_from_region_to_region() {
    let fleet = Fleet::start(Redis::shared().database()).await;
    let operator = fleet.operator(0);
    let began = Instant::now();
    operator.deploy(&hello(1)).await;
    // For whoever reads the log: these machines are noisy, so it is no check.
    println!(
        "served by three nodes in two regions after {:?}",
        began.elapsed()
    );
    fleet.until_served(1).await;

    // One region alone.
    let rollout = operator
        .begin(&hello(2), json!({ "regions": ["us-*"] }))
        .await;
    assert_eq!(operator.end_of(&rollout).await["phase"], "done");
    assert_eq!(
        fleet.releases("us-east").await,
        ["hello@0.2.0", "hello@0.2.0"]
    );
    assert_eq!(fleet.releases("eu-west").await, ["hello@0.1.0"]);
    let nowhere = operator
        .try_deploy(&hello(3), json!({ "regions": ["mars"] }))
        .await;
    nowhere.assert_status(400);

    // Back in both, which ran different releases before.
    let back = json!({ "to": "0.0.0" }).to_string();
    let path = "/v1/plugins/hello/rollback";
    let reply = operator.send(http::Method::POST, path, back).await;
    reply.assert_status(200);
    let rollout = reply.json()["id"].as_str().expect("an id").to_owned();
    operator.end_of(&rollout).await;
    fleet.until_served(0).await;
}

/// The node that is asked finds the release sound; those of the second region
/// do not, and it is undone there.
#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_fails_goes_back_and_no_other_is_begun() {
    let fleet = Fleet::start(Redis::shared().database()).await;
    let operator = fleet.operator(0);
    let refused = operator.try_deploy(&sick(), json!({})).await;
    refused.assert_status(422);
    fleet.until_served(0).await;

    // A table of that name is in no node's way but those that lack the grant:
    // the same release, with too little room on the nodes of one region.
    let greedy = variant("hello", "version = \"0.7.0\"\n[limits]\ninstances = 80");
    let mut fleet = fleet;
    for member in 1..3 {
        fleet.members[member].process.terminate();
        fleet.members[member].process.exit_code().await;
    }
    let cramped = |fleet: &Fleet, member: usize| {
        let Member { region, data, .. } = &fleet.members[member];
        let mut command = edge(data.path());
        command
            .arg("serve")
            .env("EDGE_DATA_DIR", data.path())
            .env("EDGE_SECRET", SECRET)
            .env("EDGE_REGION", *region)
            .env("EDGE_PLUGINS", fleet.plugin.path())
            .env("EDGE_ADMIN_TOKENS", TOKENS)
            .env("EDGE_SPARE_INSTANCES", "0")
            .env("DATABASE_URL", &fleet.database)
            .env("REDIS_URL", &fleet.redis);
        Running::start(&mut command)
    };
    for member in 1..3 {
        let mut process = cramped(&fleet, member);
        process.banner();
        drop(process.wire().await);
        fleet.members[member].process = process;
    }
    let rollout = operator.begin(&greedy, json!({})).await;
    let end = operator.end_of(&rollout).await;
    assert_eq!(end["phase"], "failed", "{end}");
    let reason = end["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("region us-east") && reason.contains("instances"),
        "{reason}"
    );
    assert_eq!(fleet.releases("eu-west").await, ["hello@0.7.0"]);
    assert_eq!(
        fleet.releases("us-east").await,
        ["hello@0.0.0", "hello@0.0.0"]
    );
}

/// A third of what it answers are failures, and the region is watched.
#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_does_worse_goes_back() {
    let fleet = Fleet::start(Redis::shared().database()).await;
    let worse = variant(
        "hostile",
        "name = \"hello\"\nversion = \"0.6.0\"\nroutes = [\"/hello\", \"/hostile\"]",
    );
    let operator = fleet.operator(0);
    let order = json!({ "pause_ms": 20_000, "regions": ["us-*", "eu-*"] });
    let rollout = operator.begin(&worse, order).await;
    let address = fleet.members[1].process.address();
    eventually("the new release", async || {
        let mut wire = Wire::connect(address).await;
        wire.send(get("/hostile/count")).await;
        (wire.reply().await.status == 200).then_some(())
    })
    .await;
    for number in 0..150 {
        let target = if number % 3 == 0 {
            "/hostile/trap"
        } else {
            "/hostile/count"
        };
        let mut wire = Wire::connect(address).await;
        wire.send(get(target)).await;
        wire.reply().await;
    }
    let end = operator.end_of(&rollout).await;
    assert_eq!(end["phase"], "failed", "{end}");
    let reason = end["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("region us-east") && reason.contains("failed"),
        "{reason}"
    );
    // It is over once the nodes have gone back, and not before.
    assert_eq!(
        fleet.releases("us-east").await,
        ["hello@0.0.0", "hello@0.0.0"]
    );
    fleet.until_served(0).await;
    // Nobody brings it back.
    let releases = operator.get("/v1/plugins/hello/releases").await;
    assert!(
        releases["log"]
            .as_array()
            .expect("it")
            .iter()
            .all(|entry| entry["region"] != "eu-west" || entry["author"] == "folder"),
        "{releases}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_down_catches_up() {
    let mut fleet = Fleet::start(Redis::shared().database()).await;
    let operator = fleet.operator(0);
    fleet.members[2].process.kill();
    let order = json!({ "max_unavailable": 1 });
    let rollout = operator.begin(&hello(1), order).await;
    assert_eq!(operator.end_of(&rollout).await["phase"], "done");
    fleet.restart(2).await;
    // Before it was ready it was up to date.
    assert_eq!(
        release(fleet.members[2].process.address()).await,
        "hello@0.1.0"
    );
    fleet.until_served(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_nodes_look_by_themselves() {
    let mut redis = Redis::start().expect("Redis");
    let fleet = Fleet::start(redis.url()).await;
    redis.stop().expect("it ends");
    fleet.operator(1).deploy(&hello(1)).await;
    fleet.until_served(1).await;
}

/// The node that leads a rollout is killed in the middle of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_outlives_the_node_that_began_it() {
    let mut fleet = Fleet::start(Redis::shared().database()).await;
    let began = fleet.operator(1);
    let order = json!({
        "pause_ms": 1000, "regions": ["eu-west", "us-east"], "max_unavailable": 1
    });
    let rollout = began.begin(&hello(1), order).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    fleet.members[1].process.kill();
    let end: Value = fleet.operator(0).end_of(&rollout).await;
    assert_eq!(end["phase"], "done", "{end}");
    fleet.restart(1).await;
    fleet.until_served(1).await;
}
