//! A release on trial.

use std::collections::BTreeSet;

use http::Request;
use serde_json::json;
use test_servers::MariaDb;

use super::canary_load::Load;
use crate::harness::{PluginFolder, TestNode, eventually, variant};

/// One that cannot answer with more than a kibibyte.
fn worse() -> PluginFolder {
    variant(
        "hostile",
        "version = \"0.2.0\"\n[limits]\nresponse = \"1 KiB\"",
    )
}

fn better() -> PluginFolder {
    variant("hostile", "version = \"0.2.0\"")
}

async fn node() -> TestNode {
    TestNode::start(&[variant("hostile", "")], |_| {}).await
}

/// The version that answers a client that calls itself so.
async fn version(node: &TestNode, agent: &str) -> String {
    let request = Request::get(node.url("/hostile/count")).header("user-agent", agent);
    let reply = node.send(request, "").await;
    reply.assert_status(200);
    reply.header("edge-release").expect("a release").to_owned()
}

#[tokio::test]
async fn clients_meet_it_by_its_share_and_stay_with_it() {
    let node = node().await;
    let operator = node.operator();
    let rollout = operator
        .begin(&better(), json!({ "canary_percent": 30 }))
        .await;
    operator.until(&rollout, |phase| phase == "canary").await;

    let mut met = BTreeSet::new();
    for agent in 0..200 {
        if version(&node, &agent.to_string()).await == "hostile@0.2.0" {
            met.insert(agent);
        }
    }
    assert!(
        (30..90).contains(&met.len()),
        "{} of 200 for 30 %",
        met.len()
    );
    for agent in 0..200 {
        let again = version(&node, &agent.to_string()).await == "hostile@0.2.0";
        assert_eq!(again, met.contains(&agent));
    }

    // A cookie holds wherever the client goes.
    let agent = met.first().expect("one").to_string();
    let request = Request::get(node.url("/hostile/count")).header("user-agent", agent);
    let reply = node.send(request, "").await;
    let cookie = reply.header("set-cookie").expect("a cookie");
    let cookie = cookie.split(';').next().expect("a pair").to_owned();
    for agent in 0..20 {
        let request = Request::get(node.url("/hostile/count"))
            .header("user-agent", agent.to_string())
            .header("cookie", &cookie);
        let reply = node.send(request, "").await;
        assert_eq!(reply.header("edge-release"), Some("hostile@0.2.0"));
        assert_eq!(reply.header("set-cookie"), None);
    }

    let rollout = operator.decide("hostile", "promote").await;
    assert_eq!(operator.end_of(&rollout).await["phase"], "done");
    for agent in 0..50 {
        assert_eq!(version(&node, &agent.to_string()).await, "hostile@0.2.0");
    }
}

#[tokio::test]
async fn it_can_be_aborted() {
    let node = node().await;
    let operator = node.operator();
    let rollout = operator
        .begin(&better(), json!({ "canary_percent": 99 }))
        .await;
    operator.until(&rollout, |phase| phase == "canary").await;
    operator.decide("hostile", "abort").await;
    assert_eq!(operator.end_of(&rollout).await["phase"], "aborted");
    for agent in 0..50 {
        assert_eq!(version(&node, &agent.to_string()).await, "hostile@0.1.0");
    }
}

/// It fails a fifth of its requests, and is withdrawn without anybody looking.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_is_withdrawn_by_itself() {
    let node = node().await;
    let operator = node.operator();
    let rollout = operator
        .begin(&worse(), json!({ "canary_percent": 50 }))
        .await;
    operator.until(&rollout, |phase| phase == "canary").await;

    let load = Load::start(node.address(), 5);
    let end = operator.end_of(&rollout).await;
    let (asked, failed) = (load.asked(), load.failed());
    load.stop().await;
    assert_eq!(end["phase"], "failed", "{end}");
    assert!(failed > 0 && failed * 5 < asked, "{failed} of {asked}");
    let releases = operator.get("/v1/plugins/hostile/releases").await;
    let reason = releases["rollouts"][0]["reason"]
        .as_str()
        .expect("a reason");
    assert!(reason.contains("does worse on node"), "{reason}");
    assert!(reason.contains("errors"), "{reason}");
    assert!(releases["log"][0]["canary"].is_null(), "{releases}");
    let long = "x".repeat(2048);
    for agent in 0..20 {
        let request =
            Request::post(node.url("/hostile/echo")).header("user-agent", agent.to_string());
        node.send(request, long.clone()).await.assert_status(200);
    }
}

/// Where nothing ran before there is no trial: that region has the release at
/// once, and loses it with the canary of the others.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_withdrawn_leaves_every_region() {
    let database = MariaDb::shared().database();
    let node = async |region: &str, plugins: &[PluginFolder]| {
        TestNode::start(plugins, |settings| {
            settings.control_url.clone_from(&database);
            settings.region = region.to_owned();
        })
        .await
    };
    let empty = node("ap", &[]).await;
    let tried = node("us", &[variant("hostile", "")]).await;
    let operator = tried.operator();
    eventually("two nodes", async || {
        let status = operator.get("/v1/status").await;
        (status["nodes"].as_array()?.len() == 2).then_some(())
    })
    .await;
    let rollout = operator
        .begin(&worse(), json!({ "canary_percent": 50 }))
        .await;
    operator.until(&rollout, |phase| phase == "canary").await;
    empty.get("/hostile/count").await.assert_status(200);

    let load = Load::start(tried.address(), 5);
    let end = operator.end_of(&rollout).await;
    load.stop().await;
    assert_eq!(end["phase"], "failed", "{end}");
    empty.until_status("/hostile/count", 404).await;
    let releases = operator.get("/v1/plugins/hostile/releases").await;
    let mut log = releases["log"].as_array().expect("a log").iter();
    let newest = log.find(|entry| entry["region"] == "ap").expect("an entry");
    assert!(newest["active"].is_null(), "{releases}");
}
