//! Database servers as others run them: how they let users in, what their
//! administrators set for everybody, and how they refuse for a while.

mod connect;
mod fake;
mod refusals;
mod rotation;
mod sessions;
mod versions;

use std::path::Path;

use edge::config::Settings;
use serde_json::json;
use test_servers::MariaDb;

use crate::harness::{Reply, TestNode, fixture, start_error};

/// A ledger at `url`.
async fn ledger(url: &str) -> TestNode {
    let set = |settings: &mut Settings| url.clone_into(&mut settings.database_url);
    TestNode::start(&[fixture("ledger")], set).await
}

/// Why no node starts with a ledger at `url`.
async fn refusal(url: &str) -> String {
    let set = |settings: &mut Settings| url.clone_into(&mut settings.database_url);
    start_error(&[fixture("ledger")], set).await
}

async fn add(node: &TestNode, name: &str) -> Reply {
    let entry = json!({
        "name": name, "amount": "1.00", "booked_on": "2019-07-21T08:56:02.000Z",
    });
    node.post("/ledger/entries", entry.to_string()).await
}

/// How many entries the server has, as somebody else sees it.
fn count(server: &MariaDb, url: &str) -> String {
    let database = database_of(url);
    let shown = server.run(&format!("SELECT COUNT(*) FROM {database}.ledger_entry"));
    shown.lines().last().expect("a count").to_owned()
}

/// The name of the database in `url`.
fn database_of(url: &str) -> &str {
    let place = url.split('?').next().expect("a place");
    let (_, name) = place.rsplit_once('/').expect("a database");
    name
}

/// The URL of a new database, for this user.
fn url_for(server: &MariaDb, user: &str, parameters: &str) -> String {
    let url = server.database().replace("root@", &format!("{user}@"));
    format!("{url}?{parameters}")
}

/// An options file's lines for TLS with the certificates in `folder`.
fn tls_options(folder: &Path) -> String {
    let file = |name: &str| folder.join(name).display().to_string();
    format!(
        "ssl-ca={}\nssl-cert={}\nssl-key={}",
        file("ca.pem"),
        file("server.pem"),
        file("server-key.pem")
    )
}

/// End every connection of this user.
fn kill_connections_of(server: &MariaDb, user: &str) {
    let ids = format!("SELECT id FROM information_schema.processlist WHERE user = '{user}'");
    for id in server.run(&ids).lines().skip(1) {
        // One that is gone by itself is as well.
        let _ = server.try_run(&format!("KILL {id}"));
    }
}
