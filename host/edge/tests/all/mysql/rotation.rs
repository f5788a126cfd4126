//! A secret that holds the whole URL and rotates, as Kubernetes and Vault have
//! it, under a node that goes on.

use std::fs;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;
use test_servers::MariaDb;

use super::{count, kill_connections_of, url_for};
use crate::harness::{Reply, Running, data_folder, edge, eventually, fixture, post};

/// A node whose database's URL is in the file.
fn node(file: &Path) -> (TempDir, Running) {
    let data = data_folder();
    let mut command = edge(data.path());
    command
        .arg("serve")
        .env("EDGE_DATA_DIR", data.path())
        .env("EDGE_PLUGINS", fixture("ledger").path())
        .env("DATABASE_URL_FILE", file);
    (data, Running::start(&mut command))
}

async fn add(node: &Running, name: &str) -> Reply {
    let entry = json!({
        "name": name, "amount": "1.00", "booked_on": "2019-07-21T08:56:02.000Z",
    });
    let mut wire = node.wire().await;
    let body = entry.to_string();
    let fields = format!(
        "content-type: application/json\r\ncontent-length: {}",
        body.len()
    );
    wire.send(post("/ledger/entries", &fields) + &body).await;
    wire.reply().await
}

async fn until_added(node: &Running, name: &str) {
    eventually(name, async || {
        (add(node, name).await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_url_in_a_file_rotates_under_a_node_that_goes_on() {
    let server = MariaDb::start().expect("a server");
    server.add_user("shop", "first", "");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("url");
    let first = url_for(&server, "shop:first", "");
    let first = first.trim_end_matches('?');
    fs::write(&file, format!("{first}\n")).expect("a file");
    let (_data, mut node) = node(&file);
    node.banner();
    add(&node, "before").await.assert_status(200);

    // Another password of the same user.
    server.run("ALTER USER shop@'127.0.0.1' IDENTIFIED BY 's:/@%'");
    kill_connections_of(&server, "shop");
    eventually("a refusal", async || {
        (add(&node, "lost").await.status == 503).then_some(())
    })
    .await;
    let second = first.replace("shop:first@", "shop:s%3A%2F%40%25@");
    fs::write(&file, &second).expect("a file");
    until_added(&node, "second").await;

    // Another user, as Vault makes one for each lease.
    server.add_user("lease", "third", "");
    server.run("DROP USER shop@'127.0.0.1'");
    fs::write(&file, first.replace("shop:first@", "lease:third@")).expect("a file");
    kill_connections_of(&server, "shop");
    until_added(&node, "third").await;

    // A file that is not there for a moment costs what needs a connection.
    fs::remove_file(&file).expect("it was there");
    kill_connections_of(&server, "lease");
    eventually("a refusal", async || {
        (add(&node, "lost").await.status == 503).then_some(())
    })
    .await;
    fs::write(&file, first.replace("shop:first@", "lease:third@")).expect("a file");
    until_added(&node, "fourth").await;
    assert_eq!(count(&server, first), "4");
}
