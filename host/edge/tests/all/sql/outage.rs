//! A database that is gone for a while, hangs, or takes no changes any more.

use std::time::{Duration, Instant};

use edge::config::Settings;
use futures_util::future::join_all;
use http::Request;
use serde_json::{Value, json};
use test_servers::MariaDb;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::Ledger;
use crate::harness::{Mode, PATIENCE, Proxy, TestNode, eventually, fixture};

/// How long these nodes let a call to a store take.
const STORE_TIMEOUT: Duration = Duration::from_millis(500);

/// Longer than any request of theirs takes: a pool waits for three seconds
/// for a server that refuses connections.
const LONGEST: Duration = Duration::from_secs(10);

async fn ledger(url: String, change: impl FnOnce(&mut Settings)) -> Ledger {
    let plugins = [fixture("hello"), fixture("ledger")];
    let node = TestNode::start(&plugins, |settings| {
        settings.database_url = url;
        settings.store_timeout = STORE_TIMEOUT;
        change(settings);
    });
    Ledger { node: node.await }
}

/// `url` by way of `proxy`.
fn through(proxy: &Proxy, url: &str) -> String {
    let (_, database) = url.rsplit_once('/').expect("a database");
    format!("mysql://root@{}/{database}", proxy.address())
}

impl Ledger {
    /// What the node says of its database.
    async fn breaker(&self) -> Value {
        let details = self.node.get("/readyz?verbose").await.json();
        details["stores"][0]["breaker"].clone()
    }

    async fn assert_unavailable(&self) {
        let began = Instant::now();
        let read = self.node.get("/ledger/entries").await;
        assert!(matches!(read.status, 503 | 504), "{read:?}");
        let write = self.add("lost", json!({})).await;
        assert!(matches!(write.status, 503 | 504), "{write:?}");
        assert!(began.elapsed() < LONGEST, "{:?}", began.elapsed());
    }

    async fn until_left_alone(&self) {
        eventually("the node to leave its database alone", async || {
            self.assert_unavailable().await;
            (self.breaker().await == "open").then_some(())
        })
        .await;
        let refused = self.node.get("/ledger/entries").await;
        refused.assert_refusal(503);
        assert_eq!(refused.header("retry-after"), Some("1"));
    }

    async fn until_added(&self, name: &str) {
        eventually("an answer", async || {
            (self.add(name, json!({})).await.status == 200).then_some(())
        })
        .await;
        // The node asks its stores no more often than once in a second.
        eventually("the breaker to be closed", async || {
            (self.breaker().await == "closed").then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_database_that_comes_back_is_used_again() {
    let mut server = MariaDb::start().expect("a server of one's own");
    let ledger = ledger(server.database(), |_| {}).await;
    ledger.add("before", json!({})).await.assert_status(200);

    server.stop().expect("it stops");
    for _ in 0..3 {
        let reply = ledger.node.get("/ledger/entries").await;
        assert!(matches!(reply.status, 503 | 504), "{reply:?}");
        ledger.node.get("/hello").await.assert_status(200);
    }
    ledger.until_left_alone().await;

    server.restart().expect("it starts again");
    ledger.until_added("after").await;
    assert_eq!(ledger.names().await, ["before", "after"]);
}

#[tokio::test]
async fn a_read_finds_a_way_around_a_connection_that_broke() {
    let mut server = MariaDb::start().expect("a server of one's own");
    let ledger = ledger(server.database(), |_| {}).await;
    ledger.add("before", json!({})).await.assert_status(200);
    // Nobody asked meanwhile, so nobody knows that connections are broken.
    server.stop().expect("it stops");
    server.restart().expect("it starts again");
    assert_eq!(ledger.names().await, ["before"]);
    ledger.add("after", json!({})).await.assert_status(200);
}

#[tokio::test]
async fn connections_that_lead_nowhere_are_given_up() {
    let server = MariaDb::shared();
    let proxy = Proxy::before(server.port()).await;
    let ledger = ledger(through(&proxy, &server.database()), |_| {}).await;
    ledger.add("before", json!({})).await.assert_status(200);
    for mode in [Mode::BlackHole, Mode::Reset, Mode::Cut] {
        proxy.set(mode).await;
        ledger.until_left_alone().await;
        proxy.set(Mode::Pass).await;
        ledger.until_added(&format!("{mode:?}")).await;
    }
    let names = ledger.names().await;
    let names: Vec<_> = names.iter().filter(|name| *name != "lost").collect();
    assert_eq!(names, ["before", "BlackHole", "Reset", "Cut"]);
}

#[tokio::test]
async fn a_server_that_hangs_goes_on_where_it_was() {
    let server = MariaDb::start().expect("a server of one's own");
    let ledger = ledger(server.database(), |_| {}).await;
    ledger.add("before", json!({})).await.assert_status(200);
    server.pause().expect("it hangs");
    ledger.until_left_alone().await;
    server.resume().expect("it goes on");
    ledger.until_added("after").await;
}

/// Another account than the administrator's, for whom `read_only` means
/// nothing.
fn add_customer(server: &MariaDb) {
    server.run("CREATE USER shop@'127.0.0.1'; GRANT ALL ON `test\\_%`.* TO shop@'127.0.0.1'");
}

#[tokio::test]
async fn a_fail_over_is_followed() {
    let [old, new] = MariaDb::start_replicating().expect("two servers");
    let proxy = Proxy::before(old.port()).await;
    let url = through(&proxy, &old.database()).replace("root@", "shop@");
    add_customer(&old);
    let ledger = ledger(url, |_| {}).await;
    ledger.add("before", json!({})).await.assert_status(200);

    old.run("SET GLOBAL read_only = 1");
    for _ in 0..7 {
        // The connection is fine, so reads go on, and the breaker stays shut.
        let refused = ledger.add("refused", json!({})).await;
        refused.assert_refusal(503);
        assert_eq!(refused.header("retry-after"), Some("1"));
        assert_eq!(ledger.names().await, ["before"]);
    }
    assert_eq!(ledger.breaker().await, "closed");

    eventually("the replica to catch up", async || {
        new.has_all_of(&old).then_some(())
    })
    .await;
    new.run("STOP SLAVE; RESET SLAVE ALL");
    // The old one still answers the connections that there are.
    proxy.lead_to(new.port());
    ledger.until_added("after").await;
    assert_eq!(ledger.names().await, ["before", "after"]);
    let on_new = "SELECT COUNT(*) FROM test_0.ledger_entry";
    assert_eq!(new.run(on_new).lines().last(), Some("2"));
}

/// Take every connection that `server` has left, until they are dropped.
async fn fill(server: &MariaDb) -> Vec<TcpStream> {
    server.run("SET GLOBAL max_connections = 10");
    let mut held = Vec::new();
    for _ in 0..11 {
        let stream = TcpStream::connect(("127.0.0.1", server.port())).await;
        let mut stream = stream.expect("a connection");
        // The beginning of a greeting, or of error 1040.
        stream.read_u8().await.expect("an answer");
        held.push(stream);
    }
    held
}

#[tokio::test]
async fn a_server_with_too_many_connections_is_busy_and_not_broken() {
    let server = MariaDb::start().expect("a server of one's own");
    add_customer(&server);
    let url = server.database().replace("root@", "shop@");
    let ledger = ledger(url, |_| {}).await;
    ledger.add("before", json!({})).await.assert_status(200);
    // The node's own are killed, so it needs new ones, and others are faster.
    for id in of_customer(&server).expect("room on the server") {
        // One that is gone by itself is as well.
        let _ = server.try_run(&format!("KILL {id}"));
    }
    let held = fill(&server).await;
    ledger.assert_unavailable().await;
    drop(held);
    ledger.until_added("after").await;
}

#[tokio::test]
async fn a_server_that_is_full_costs_no_connection_that_there_is() {
    let server = MariaDb::start().expect("a server of one's own");
    add_customer(&server);
    let url = server.database().replace("root@", "shop@");
    let ledger = ledger(url, |_| {}).await;
    ledger.add("before", json!({})).await.assert_status(200);
    let before = of_customer(&server).expect("room on the server");
    let held = fill(&server).await;
    // More than there are connections for, and fewer than open the breaker.
    let at_once = (0..before.len() + 2).map(|_| ledger.node.get("/ledger/entries"));
    let replies = join_all(at_once).await;
    assert!(
        replies.iter().any(|reply| reply.status == 503),
        "{replies:?}"
    );
    for _ in 0..3 {
        assert_eq!(ledger.names().await, ["before"]);
    }
    drop(held);
    // Until the server has noticed, there is no room for who looks.
    let after = eventually("room on the server", async || of_customer(&server)).await;
    assert_eq!(after, before);
}

/// The ids of the customer's connections; none while the server is full.
fn of_customer(server: &MariaDb) -> Option<Vec<String>> {
    let ids = "SELECT id FROM information_schema.processlist WHERE user = 'shop' ORDER BY id";
    let shown = server.try_run(ids)?;
    Some(shown.lines().skip(1).map(str::to_owned).collect())
}

#[tokio::test]
async fn a_request_waits_no_longer_than_it_may() {
    let server = MariaDb::shared();
    let proxy = Proxy::before(server.port()).await;
    let ledger = ledger(through(&proxy, &server.database()), |_| {}).await;
    proxy.set(Mode::Delay(PATIENCE)).await;
    ledger.assert_unavailable().await;
    let request = Request::get(ledger.node.url("/hello"));
    ledger.node.send(request, "").await.assert_status(200);
}
