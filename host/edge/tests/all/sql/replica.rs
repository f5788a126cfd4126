//! A replica that answers what may be a moment old, and nothing else.

use edge::config::Settings;
use http::Request;
use serde_json::{Value, json};
use test_servers::MariaDb;

use super::Ledger;
use crate::harness::{TestNode, eventually, fixture};

const COUNT: &str = "/ledger/run?sql=SELECT%20COUNT(*)%20FROM%20ledger_entry";

/// A ledger with a primary and a replica of it, which lags behind from the
/// moment that it has the entry `before`.
struct Lagging {
    ledger: Ledger,
    primary: MariaDb,
    replica: MariaDb,
}

impl Lagging {
    async fn start() -> Self {
        let [primary, replica] = MariaDb::start_replicating().expect("two servers");
        let url = primary.database();
        let replica_url = url.replace(&primary.port().to_string(), &replica.port().to_string());
        let change = |settings: &mut Settings| {
            settings.database_url = url;
            settings.databases.replica_url = Some(replica_url);
        };
        let node = TestNode::start(&[fixture("ledger")], change).await;
        let ledger = Ledger { node };
        ledger.add("before", json!({})).await.assert_status(200);
        // What is not there yet, the primary is asked for.
        eventually("the replica to catch up", async || {
            replica.has_all_of(&primary).then_some(())
        })
        .await;
        replica.run("STOP SLAVE SQL_THREAD");
        ledger.add("after", json!({})).await.assert_status(200);
        Self {
            ledger,
            primary,
            replica,
        }
    }

    /// How many entries a request sees.
    async fn seen_by(&self, request: http::request::Builder) -> Value {
        let reply = self.ledger.node.send(request, "").await;
        reply.assert_status(200);
        reply.json()["rows"][0][0]["integer"].clone()
    }

    fn get(&self) -> http::request::Builder {
        Request::get(self.ledger.node.url(COUNT))
    }

    async fn store(&self, name: &str) -> Value {
        let details = self.ledger.node.get("/readyz?verbose").await.json();
        let stores = details["stores"].as_array().expect("stores").clone();
        let named = stores.into_iter().find(|store| store["name"] == name);
        named.expect("a store of this name")
    }
}

#[tokio::test]
async fn only_who_would_not_miss_their_own_words_reads_from_it() {
    let lagging = Lagging::start().await;
    assert_eq!(lagging.seen_by(lagging.get()).await, 1);
    // Whoever shows who they are, be it in vain.
    for field in ["authorization", "user-key"] {
        let request = lagging.get().header(field, "Bearer nobody");
        assert_eq!(lagging.seen_by(request).await, 2, "{field}");
    }
    assert_eq!(lagging.store("database-replica").await["answers"], true);

    lagging.replica.run("START SLAVE SQL_THREAD");
    eventually("the replica to catch up", async || {
        (lagging.seen_by(lagging.get()).await == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_primary_answers_for_it() {
    let mut lagging = Lagging::start().await;
    // A replica that lacks what a newer release needs.
    lagging
        .replica
        .run("RENAME TABLE test_0.ledger_entry TO test_0.older");
    assert_eq!(lagging.seen_by(lagging.get()).await, 2);
    lagging
        .replica
        .run("RENAME TABLE test_0.older TO test_0.ledger_entry");
    assert_eq!(lagging.seen_by(lagging.get()).await, 1);

    lagging.replica.stop().expect("it stops");
    for _ in 0..10 {
        assert_eq!(lagging.seen_by(lagging.get()).await, 2);
    }
    let told = lagging.store("database-replica").await;
    assert_eq!(
        (&told["answers"], &told["breaker"]),
        (&json!(false), &json!("open"))
    );
    assert_eq!(lagging.store("database").await["breaker"], "closed");
    lagging.replica.restart().expect("it starts again");
    eventually("the replica", async || {
        (lagging.seen_by(lagging.get()).await == 1).then_some(())
    })
    .await;

    // It does not stand in for its primary where that is needed.
    lagging.primary.stop().expect("it stops");
    assert_eq!(lagging.seen_by(lagging.get()).await, 1);
    let lost = lagging.ledger.add("lost", json!({})).await;
    assert!(matches!(lost.status, 503 | 504), "{lost:?}");
}

#[tokio::test]
async fn a_node_starts_without_it() {
    let server = MariaDb::shared();
    let node = TestNode::start(&[fixture("ledger")], |settings| {
        settings.database_url = server.database();
        settings.databases.replica_url = Some("mysql://root@127.0.0.1:1/shop".to_owned());
    })
    .await;
    let ledger = Ledger { node };
    ledger.add("before", json!({})).await.assert_status(200);
    assert_eq!(ledger.names().await, ["before"]);
}
