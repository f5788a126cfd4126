//! Databases, buckets and calls out.

use test_servers::{MariaDb, Redis};

use super::Metrics;
use crate::catalog::database::{Database, Store};
use crate::harness::{Mode, Proxy, TestNode, eventually, fixture};

const OPERATIONS: &str = "db_client_operation_duration_seconds_count";

#[tokio::test]
async fn statements_are_counted_by_what_they_are_and_how_they_end() {
    for (store, system) in [(Store::Sqlite, "sqlite"), (Store::MariaDb, "mysql")] {
        let database = Database::new(store);
        let node = TestNode::start(&[fixture("ledger")], |settings| {
            settings.database_url.clone_from(&database.url);
        })
        .await;
        for _ in 0..3 {
            node.get("/ledger/entries").await.assert_status(200);
        }
        let entry = r#"{"name":"a","amount":"1.00","booked_on":"2026-01-01T00:00:00Z"}"#;
        node.post("/ledger/entries", entry).await.assert_status(200);
        let metrics = Metrics::of(&node).await;
        let system = format!("db_system_name=\"{system}\"");
        let of = |operation: &str| format!("db_operation_name=\"{operation}\"");
        let ok = "outcome=\"ok\"";
        metrics.assert(OPERATIONS, &[&system, &of("query"), ok], 3.0);
        metrics.assert(OPERATIONS, &[&system, &of("execute"), ok], 1.0);
        // A connection is given back a moment after its reply.
        eventually("connections that rest", async || {
            let metrics = Metrics::of(&node).await;
            let used = metrics.value("db_client_connections", &[&system, "state=\"used\""]);
            (used == Some(0.0)).then_some(())
        })
        .await;
        metrics.assert_at_least("db_client_connections", &[&system, "state=\"idle\""], 1.0);
        metrics.assert("db_client_connections_max", &[&system], 8.0);
        metrics.assert_sound();
    }
}

#[tokio::test]
async fn buckets_are_counted_likewise() {
    for (redis_url, system) in [
        (None, "embedded"),
        (Some(Redis::shared().database()), "redis"),
    ] {
        let node = TestNode::start(&[fixture("buckets")], |settings| {
            settings.redis_url = redis_url;
        })
        .await;
        node.until_status("/buckets/values/a", 200).await;
        let before = Metrics::of(&node).await;
        for _ in 0..4 {
            node.get("/buckets/values/a").await.assert_status(200);
        }
        let metrics = Metrics::of(&node).await;
        let system = format!("db_system_name=\"{system}\"");
        let labels = [&*system, "db_operation_name=\"get\"", "outcome=\"ok\""];
        let earlier = before.value(OPERATIONS, &labels).expect("an operation");
        metrics.assert(OPERATIONS, &labels, earlier + 4.0);
    }
}

#[tokio::test]
async fn a_store_that_is_left_alone_shows() {
    let redis = Redis::start().expect("Redis");
    let proxy = Proxy::before(redis.port()).await;
    let url = format!("redis://{}", proxy.address());
    let node = TestNode::start(&[fixture("buckets")], |settings| {
        settings.redis_url = Some(url);
    })
    .await;
    node.until_status("/buckets/values/a", 200).await;
    let buckets = ["store=\"buckets\""];
    let metrics = Metrics::of(&node).await;
    metrics.assert("edge_store_breaker_open", &buckets, 0.0);
    metrics.assert("edge_store_breaker_openings_total", &buckets, 0.0);
    metrics.assert("edge_store_breaker_open", &["store=\"rate-limits\""], 0.0);
    metrics.assert_sound();

    proxy.set(Mode::Refuse).await;
    eventually("the store to be left alone", async || {
        node.get("/buckets/values/a").await;
        let metrics = Metrics::of(&node).await;
        let open = metrics.value("edge_store_breaker_open", &buckets);
        (open == Some(1.0)).then_some(())
    })
    .await;
    node.get("/buckets/values/a").await;
    let metrics = Metrics::of(&node).await;
    metrics.assert("edge_store_breaker_openings_total", &buckets, 1.0);
    metrics.assert_at_least("edge_store_breaker_refusals_total", &buckets, 1.0);

    proxy.set(Mode::Pass).await;
    node.until_status("/buckets/values/a", 200).await;
    let metrics = Metrics::of(&node).await;
    metrics.assert("edge_store_breaker_open", &buckets, 0.0);
}

#[tokio::test]
async fn what_a_replica_answers_is_counted() {
    let database = MariaDb::shared().database();
    let node = TestNode::start(&[fixture("ledger")], |settings| {
        settings.database_url.clone_from(&database);
        settings.databases.replica_url = Some(database);
    })
    .await;
    for _ in 0..3 {
        node.get("/ledger/entries").await.assert_status(200);
    }
    let metrics = Metrics::of(&node).await;
    let queries = "edge_database_replica_queries_total";
    metrics.assert(queries, &["answered_by=\"replica\""], 3.0);
    metrics.assert(queries, &["answered_by=\"primary\""], 0.0);
    for store in ["database", "database-replica"] {
        let store = format!("store=\"{store}\"");
        metrics.assert("edge_store_breaker_open", &[&store], 0.0);
    }
}
