//! Connections that are used up are this node's own trouble: whoever has a
//! connection goes on, and the server counts as well.

use std::sync::Arc;
use std::time::{Duration, Instant};

use edge::config::Lifetimes;
use futures_util::future::join_all;
use stores::breaker::Circuit;
use stores::sql::{CallLimits, DatabaseAccess, Databases, TableGrant};
use stores::sql::{Error, Rows};
use test_servers::MariaDb;

use crate::catalog::database::Database;

const LIMITS: CallLimits = CallLimits {
    rows: 1000,
    bytes: 1 << 20,
};

/// More failures in a row than the node's breakers take.
const CALLS: usize = 12;

/// Longer than a pool waits for a connection.
const PATIENT: Duration = Duration::from_secs(30);

/// Shorter than that.
const HASTY: Duration = Duration::from_millis(50);

/// A database with one table of one row.
async fn database(server: &MariaDb) -> String {
    let database = Database::of(server);
    for statement in [
        "CREATE TABLE orders (order_id INT PRIMARY KEY)",
        "INSERT INTO orders (order_id) VALUES (1)",
    ] {
        database.execute(statement).await;
    }
    database.url.clone()
}

/// What one plugin has of the database, with so many connections.
async fn plugin(databases: &Databases, url: &str, connections: u32) -> Arc<DatabaseAccess> {
    let grant = TableGrant {
        read: Default::default(),
        write: ["orders".to_owned()].into(),
    };
    let opened = databases.open(url, grant, connections, LIMITS).await;
    Arc::new(opened.expect("the database"))
}

async fn rows(access: &DatabaseAccess, time: Duration) -> Result<usize, Error> {
    let deadline = Instant::now() + time;
    let query = access.query::<Rows>("SELECT order_id FROM orders", Vec::new(), deadline);
    query.await.map(|found| found.rows.len())
}

fn circuit(access: &DatabaseAccess) -> Option<Circuit> {
    access.health().map(|health| health.circuit)
}

/// Many calls of `greedy`, none of which gets a connection in any of these
/// times, cost `other` none of its own.
async fn only_the_greedy_fails(
    greedy: &DatabaseAccess,
    other: &DatabaseAccess,
    times: &[Duration],
) {
    for &time in times {
        let calls = (0..CALLS).map(|_| rows(greedy, time));
        for outcome in join_all(calls).await {
            assert!(
                matches!(outcome, Err(Error::Unavailable(_) | Error::Timeout)),
                "{outcome:?}"
            );
        }
        assert_eq!(circuit(other), Some(Circuit::Closed), "{time:?}");
        assert_eq!(rows(other, PATIENT).await.ok(), Some(1), "{time:?}");
    }
}

#[tokio::test]
async fn a_plugin_that_holds_all_its_connections_costs_another_no_request() {
    let url = database(MariaDb::shared()).await;
    let databases = Databases::default();
    let greedy = plugin(&databases, &url, 1).await;
    let other = plugin(&databases, &url, 1).await;
    let held = greedy.begin(Instant::now() + PATIENT).await;
    let held = held.expect("a transaction");
    only_the_greedy_fails(&greedy, &other, &[HASTY, PATIENT]).await;
    held.rollback(Instant::now() + PATIENT)
        .await
        .expect("an end");
    assert_eq!(rows(&greedy, PATIENT).await.ok(), Some(1), "it goes on");
}

/// Whoever has none when the node has all that it may gets none; whoever has
/// one goes on.
#[tokio::test]
async fn a_bound_that_is_reached_opens_no_breaker() {
    let url = database(MariaDb::shared()).await;
    // Four are set aside for the host's own work.
    let databases = Databases::new(Lifetimes::default()).with_bound(Some(6));
    let other = plugin(&databases, &url, 1).await;
    let greedy = plugin(&databases, &url, 2).await;
    assert_eq!(rows(&other, PATIENT).await.ok(), Some(1));
    let working = other.begin(Instant::now() + PATIENT).await;
    let mut working = working.expect("a transaction");
    let held = greedy.begin(Instant::now() + PATIENT).await;
    let held = held.expect("a transaction");
    for time in [HASTY, PATIENT] {
        let calls = (0..CALLS).map(|_| rows(&greedy, time));
        for outcome in join_all(calls).await {
            assert!(outcome.is_err(), "{outcome:?}");
        }
        assert_eq!(circuit(&greedy), Some(Circuit::Closed), "{time:?}");
    }
    let refused = rows(&greedy, PATIENT).await.expect_err("all are in use");
    let is_named =
        matches!(&refused, Error::Unavailable(why) if why.contains("database_connections_total"));
    assert!(is_named, "{refused:?}");
    let text = "SELECT order_id FROM orders";
    let found = working.query::<Rows>(text, Vec::new(), Instant::now() + PATIENT);
    assert_eq!(found.await.expect("rows").rows.len(), 1);
    working
        .rollback(Instant::now() + PATIENT)
        .await
        .expect("an end");
    held.rollback(Instant::now() + PATIENT)
        .await
        .expect("an end");
    assert_eq!(rows(&other, PATIENT).await.ok(), Some(1));
}

/// The server's own bound on what one user may have.
#[tokio::test]
async fn a_user_who_has_all_connections_that_the_server_gives_is_served_by_them() {
    let server = MariaDb::start().expect("a server of one's own");
    let url = database(&server).await;
    server.add_user("shop", "secret", "");
    server.run("ALTER USER shop@'127.0.0.1' WITH MAX_USER_CONNECTIONS 2");
    let url = url.replace("root@", "shop:secret@");
    let databases = Databases::default();
    let other = plugin(&databases, &url, 1).await;
    let greedy = plugin(&databases, &url, 5).await;
    assert_eq!(rows(&other, PATIENT).await.ok(), Some(1));
    let held = greedy.begin(Instant::now() + PATIENT).await;
    let _held = held.expect("a transaction");
    // The server is asked, and has to have the time to refuse.
    only_the_greedy_fails(&greedy, &other, &[PATIENT]).await;
}
