//! Nodes die, hang, leave and join while a release goes from region to region,
//! and the control database hangs.

use std::time::Duration;

use serde_json::{Value, json};
use test_servers::{MariaDb, Redis};

use super::fleet::{Fleet, hello};
use crate::harness::{Operator, eventually};

/// The release goes to `us-east`, whose nodes are the members 1 and 2, and
/// then to `eu-west`.
fn order(pause_ms: u64, max_unavailable: u32) -> Value {
    json!({
        "pause_ms": pause_ms,
        "regions": ["us-east", "eu-west"],
        "max_unavailable": max_unavailable,
    })
}

/// Wait until all nodes of the first region are reported to serve `hello`
/// 0.1.0: they are watched from then on.
async fn until_watched(operator: &Operator) {
    eventually("a release in the first region", async || {
        let status = operator.get("/v1/status").await;
        let nodes = status["nodes"].as_array().expect("nodes").clone();
        let serves = |node: &Value| node["plugins"]["hello"]["active"]["version"] == "0.1.0";
        let of_region = nodes.iter().filter(|node| node["region"] == "us-east");
        (of_region.filter(|node| serves(node)).count() >= 2).then_some(())
    })
    .await;
}

/// The authors of a region's entries, newest first.
async fn entries(operator: &Operator, region: &str) -> Vec<Value> {
    let releases = operator.get("/v1/plugins/hello/releases").await;
    let log = releases["log"].as_array().expect("a log").clone();
    log.into_iter()
        .filter(|entry| entry["region"] == region)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_whose_node_dies_goes_back_and_no_other_is_begun() {
    let mut fleet = Fleet::start(Redis::shared().database()).await;
    let operator = fleet.operator(0);
    let rollout = operator.begin(&hello(1), order(60_000, 0)).await;
    until_watched(&operator).await;
    fleet.members[2].process.kill();
    let end = operator.end_of(&rollout).await;
    assert_eq!(end["phase"], "failed", "{end}");
    let reason = end["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("region us-east: not heard of for"),
        "{reason}"
    );
    assert_eq!(
        fleet.operator(1).get("/v1/status").await["rollouts"],
        json!([])
    );
    let survivor = fleet.members.swap_remove(1);
    let release = super::fleet::release(survivor.process.address()).await;
    assert_eq!(release, "hello@0.0.0");
    assert_eq!(entries(&operator, "eu-west").await.len(), 1);
}

/// The whole region is gone, with a tolerance that holds for all of its nodes:
/// nobody is left to say that the release works there.
#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_loses_all_its_nodes_does_not_pass() {
    let mut fleet = Fleet::start(Redis::shared().database()).await;
    let operator = fleet.operator(0);
    let rollout = operator.begin(&hello(1), order(60_000, 2)).await;
    until_watched(&operator).await;
    fleet.members[1].process.kill();
    fleet.members[2].process.kill();
    let end = operator.end_of(&rollout).await;
    assert_eq!(end["phase"], "failed", "{end}");
    let reason = end["reason"].as_str().expect("a reason");
    assert!(reason.contains("none of its nodes is heard of"), "{reason}");
    assert_eq!(entries(&operator, "eu-west").await.len(), 1);
}

/// With the node that took the order, and led the rollout, as the one that
/// dies: the others know which nodes the region began with.
#[tokio::test(flavor = "multi_thread")]
async fn as_many_nodes_may_die_as_the_order_says() {
    let mut fleet = Fleet::start(Redis::shared().database()).await;
    let began = fleet.operator(1);
    let rollout = began.begin(&hello(1), order(8_000, 1)).await;
    until_watched(&began).await;
    fleet.members[1].process.kill();
    let operator = fleet.operator(0);
    let end = operator.end_of(&rollout).await;
    assert_eq!(end["phase"], "done", "{end}");
    fleet.restart(1).await;
    fleet.until_served(1).await;
}

/// A region fails after it has passed, while the next one is watched: both go
/// back.
#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_had_passed_goes_back_when_it_loses_a_node() {
    let mut fleet = Fleet::start(Redis::shared().database()).await;
    let operator = fleet.operator(0);
    let rollout = operator.begin(&hello(1), order(8_000, 0)).await;
    eventually("an entry for the second region", async || {
        (entries(&operator, "eu-west").await.len() == 2).then_some(())
    })
    .await;
    fleet.members[2].process.kill();
    let end = operator.end_of(&rollout).await;
    assert_eq!(end["phase"], "failed", "{end}");
    fleet.members.truncate(2);
    fleet.until_served(0).await;
}

/// A rolling restart under a rollout: every node of the region is replaced,
/// and none of them is missed.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_leave_in_order_and_are_replaced_fail_nothing() {
    let mut fleet = Fleet::start(Redis::shared().database()).await;
    let operator = fleet.operator(0);
    let rollout = operator.begin(&hello(1), order(15_000, 0)).await;
    until_watched(&operator).await;
    for member in [1, 2] {
        fleet.members[member].process.terminate();
        let code = fleet.members[member].process.exit_code().await;
        assert_eq!(code, Some(0));
        fleet.restart(member).await;
    }
    let end = operator.end_of(&rollout).await;
    assert_eq!(end["phase"], "done", "{end}");
    fleet.until_served(1).await;
}

/// The region is there by its log, and nobody is in it. The others are not
/// held up, and nobody calls it served.
#[tokio::test(flavor = "multi_thread")]
async fn a_region_without_nodes_is_named_and_not_waited_for() {
    let mut fleet = Fleet::start(Redis::shared().database()).await;
    fleet.join("ap-south").await;
    fleet.members[3].process.terminate();
    assert_eq!(fleet.members[3].process.exit_code().await, Some(0));
    let operator = fleet.operator(0);
    let rollout = operator.begin(&hello(1), json!({})).await;
    let end = operator.end_of(&rollout).await;
    assert_eq!(end["phase"], "done", "{end}");
    let reason = end["reason"].as_str().expect("a reason");
    assert!(reason.contains("no node serves it in ap-south"), "{reason}");
    assert!(!reason.contains("us-east"), "{reason}");
    fleet.restart(3).await;
    fleet.until_served(1).await;
    assert_eq!(fleet.releases("ap-south").await, ["hello@0.1.0"]);
}

/// Nodes that die with the release that is rolled back, while it is, do not
/// bring it back.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_is_not_undone_because_nodes_are_down() {
    let mut fleet = Fleet::start(Redis::shared().database()).await;
    let operator = fleet.operator(0);
    operator.deploy(&hello(1)).await;
    fleet.members[2].process.kill();
    let rollout = operator.decide("hello", "rollback").await;
    assert_eq!(operator.end_of(&rollout).await["phase"], "done");
    fleet.members.truncate(2);
    fleet.until_served(0).await;
}

/// The database of all nodes hangs for longer than the region is to be watched
/// and than a node may be silent. Afterwards nobody is missed, and the region
/// is watched to the end first.
#[tokio::test(flavor = "multi_thread")]
async fn a_control_database_that_hangs_moves_nothing_on() {
    const PAUSE_MS: i64 = 6_000;
    const HANG: Duration = Duration::from_secs(14);
    let server = MariaDb::start().expect("MariaDB");
    let database = server.database();
    let redis = Redis::shared().database();
    let fleet = Fleet::on(database, redis).await;
    let operator = fleet.operator(0);
    let pause = u64::try_from(PAUSE_MS).expect("a number");
    let rollout = operator.begin(&hello(1), order(pause, 0)).await;
    until_watched(&operator).await;
    server.pause().expect("it stops");
    // The fault itself has to last.
    tokio::time::sleep(HANG).await;
    server.resume().expect("it goes on");
    let end = eventually("an end", async || {
        let path = format!("/v1/rollouts/{rollout}");
        let reply = operator.send(http::Method::GET, &path, "").await;
        let open = reply.status != 200 || reply.json()["phase"] == "running";
        (!open).then(|| reply.json())
    })
    .await;
    assert_eq!(end["phase"], "done", "{end}");
    fleet.until_served(1).await;
    // Both regions' entries say when they were written, by the database.
    let written = async |region: &str| {
        let newest = entries(&operator, region).await.swap_remove(0);
        newest["written_at"].as_i64().expect("a time")
    };
    let between = written("eu-west").await - written("us-east").await;
    let hang = i64::try_from(HANG.as_millis()).expect("a number");
    // What is counted beside the hang: three seconds between two looks, at most.
    assert!(between >= hang + PAUSE_MS - 3_000, "{between}");
}

/// A rollout that is held before its second region, `us-east`, a node of which
/// is killed meanwhile.
async fn held_while_a_node_dies() -> (Fleet, String) {
    let mut fleet = Fleet::start(Redis::shared().database()).await;
    let operator = fleet.operator(0);
    let order = json!({ "pause_ms": 10_000, "regions": ["eu-west", "us-east"] });
    let rollout = operator.begin(&hello(1), order).await;
    operator.decide("hello", "pause").await;
    assert_eq!(entries(&operator, "us-east").await.len(), 1);
    fleet.members[2].process.kill();
    (fleet, rollout)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_dies_before_its_regions_turn_is_missed() {
    let (mut fleet, rollout) = held_while_a_node_dies().await;
    let operator = fleet.operator(0);
    eventually("a node that is down", async || {
        let status = operator.get("/v1/status").await;
        let mut nodes = status["nodes"].as_array()?.iter();
        nodes.find(|node| node["age_ms"].as_u64() > Some(8_000))?;
        Some(())
    })
    .await;
    operator.decide("hello", "resume").await;
    let end = operator.end_of(&rollout).await;
    assert_eq!(end["phase"], "failed", "{end}");
    let reason = end["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("region us-east: not heard of for"),
        "{reason}"
    );
    let survivor = fleet.members.swap_remove(1);
    let release = super::fleet::release(survivor.process.address()).await;
    assert_eq!(release, "hello@0.0.0");
}

/// A supervisor starts the node again: nothing is missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_started_again_before_its_regions_turn_is_not() {
    let (mut fleet, rollout) = held_while_a_node_dies().await;
    fleet.restart(2).await;
    let operator = fleet.operator(0);
    eventually("its report", async || {
        let status = operator.get("/v1/status").await;
        let mut nodes = status["nodes"].as_array()?.iter();
        nodes.find(|node| node["replaces"].is_string())?;
        Some(())
    })
    .await;
    operator.decide("hello", "resume").await;
    let end = operator.end_of(&rollout).await;
    assert_eq!(end["phase"], "done", "{end}");
    fleet.until_served(1).await;
}

/// Whoever has forgotten the node says that nothing is missing without it.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_forgotten_before_its_regions_turn_is_not_missed() {
    let (mut fleet, rollout) = held_while_a_node_dies().await;
    let operator = fleet.operator(0);
    let down = eventually("a node that is down", async || {
        let status = operator.get("/v1/status").await;
        let mut nodes = status["nodes"].as_array()?.iter();
        let down = nodes.find(|node| node["age_ms"].as_u64() > Some(8_000))?;
        Some(down["node"].as_str()?.to_owned())
    })
    .await;
    let path = format!("/v1/nodes/{down}");
    let forgotten = operator.send(http::Method::DELETE, &path, "").await;
    assert!(forgotten.status < 300, "{forgotten:?}");
    operator.decide("hello", "resume").await;
    let end = operator.end_of(&rollout).await;
    assert_eq!(end["phase"], "done", "{end}");
    fleet.members.truncate(2);
    fleet.until_served(1).await;
}
