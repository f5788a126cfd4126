//! The outside check of a canary where the node that leads rollouts cannot ask
//! it.

use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use sqlx::{Connection, MySqlConnection};
use test_servers::MariaDb;
use tokio::net::TcpListener;

use super::canary_load::{Load, wide};
use super::commands::run;
use crate::harness::{TestNode, eventually};

/// A service that only nodes of some regions can reach: others hear what a
/// gateway says in its place.
#[derive(Clone, Default)]
struct Behind {
    reached_from: Arc<Mutex<Vec<&'static str>>>,
}

impl Behind {
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let this = self.clone();
        let answer = post(move |Json(facts): Json<Value>| async move { this.answer(&facts) });
        let router = Router::new().route("/canary", answer);
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}/canary")
    }

    fn answer(&self, facts: &Value) -> Response {
        let region = facts["asked_by"]["region"].as_str().expect("a region");
        let regions = self.reached_from.lock().expect("no panic");
        match regions.contains(&region) {
            true => Json(json!({ "verdict": "continue" })).into_response(),
            false => StatusCode::BAD_GATEWAY.into_response(),
        }
    }

    fn reach_from(&self, region: &'static str) {
        self.reached_from.lock().expect("no panic").push(region);
    }
}

async fn node(database: &str, region: &str, allowed: &str) -> TestNode {
    TestNode::start(&[wide("0.1.0")], |settings| {
        settings.control_url = database.to_owned();
        settings.region = region.to_owned();
        settings.canary.requests = 20;
        settings.canary.check_interval = std::time::Duration::from_millis(200);
        if !allowed.is_empty() {
            settings.canary.check_urls = allowed.parse().expect("addresses");
        }
    })
    .await
}

/// The region of the node that leads rollouts.
async fn leader(database: &str) -> String {
    let mut control = MySqlConnection::connect(database).await.expect("MariaDB");
    eventually("a node that leads", async || {
        let found = sqlx::query_scalar(
            "SELECT n.region FROM edge_leader l JOIN edge_node n ON n.node = l.holder",
        );
        found.fetch_optional(&mut control).await.expect("a region")
    })
    .await
}

fn plan(url: &str) -> Value {
    json!({ "canary_percent": 40, "promote_after_ms": 1, "check": { "webhook": { "url": url } } })
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_asks_what_the_leading_one_cannot_reach() {
    let (check, database) = (Behind::default(), MariaDb::shared().database());
    let url = check.start().await;
    let first = node(&database, "a", &url).await;
    assert_eq!(leader(&database).await, "a");
    let second = node(&database, "b", &url).await;
    let operator = second.operator();
    let loads = [&first, &second].map(|node| Load::start(node.address(), 10));
    let rollout = operator.begin(&wide("0.2.0"), plan(&url)).await;
    // No node gets an answer: each says why.
    let waits_for = eventually("the failures of both nodes", async || {
        let status = operator.get("/v1/status").await;
        let nodes = status["nodes"].as_array().expect("nodes").iter();
        let canary = &status["progress"][0]["canary"];
        let waits_for = canary["waits_for"].as_str()?.to_owned();
        let mut names = nodes.map(|node| node["node"].as_str().expect("a name"));
        let all = names.all(|name| waits_for.contains(name));
        all.then_some(waits_for)
    })
    .await;
    assert!(waits_for.contains(&url), "{waits_for}");
    assert!(waits_for.contains("the status 502"), "{waits_for}");
    let (code, shown, error) = run(&first, &["status"]).await;
    assert_eq!(code, Some(0), "{error}");
    assert!(shown.contains("check: unknown"), "{shown}");
    assert!(shown.contains("the status 502"), "{shown}");

    check.reach_from("b");
    assert_eq!(operator.end_of(&rollout).await["phase"], "done");
    assert_eq!(leader(&database).await, "a");
    for load in loads {
        load.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_asks_what_the_leading_one_may_not() {
    let (check, database) = (Behind::default(), MariaDb::shared().database());
    let url = check.start().await;
    check.reach_from("b");
    let first = node(&database, "a", "").await;
    assert_eq!(leader(&database).await, "a");
    let second = node(&database, "b", &url).await;
    let loads = [&first, &second].map(|node| Load::start(node.address(), 10));
    let operator = second.operator();
    let rollout = operator.begin(&wide("0.2.0"), plan(&url)).await;
    assert_eq!(operator.end_of(&rollout).await["phase"], "done");
    for load in loads {
        load.stop().await;
    }
}
