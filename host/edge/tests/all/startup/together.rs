//! Nodes that start at once on one database.

use test_servers::MariaDb;

use crate::harness::{TestNode, data_folder, empty_data_folder, variant};

/// Three nodes on the database at `url`; each serves, and what they share was
/// made once.
async fn start_three(url: &str) {
    let one = || async {
        TestNode::start(&[variant("ledger", "")], |settings| {
            settings.database_url = url.to_owned();
        })
        .await
    };
    let (first, second, third) = tokio::join!(one(), one(), one());
    let entry = r#"{"name": "shared", "amount": "1.00", "booked_on": "2026-01-02T03:04:05.006Z"}"#;
    assert_eq!(first.post("/ledger/entries", entry).await.status, 200);
    for node in [&first, &second, &third] {
        let entries = node.get("/ledger/entries").await;
        let text = String::from_utf8_lossy(&entries.body).into_owned();
        assert_eq!(text.matches("shared").count(), 1, "{text}");
    }
}

#[tokio::test]
async fn on_sqlite() {
    let data = data_folder();
    start_three(&format!("sqlite://{}/shared.sqlite", data.path().display())).await;
}

#[tokio::test]
async fn in_one_data_folder() {
    let data = empty_data_folder();
    let one = || async { TestNode::start_in(data.path(), &[variant("ledger", "")], |_| {}).await };
    let (first, second) = tokio::join!(one(), one());
    for node in [&first, &second] {
        node.get("/ledger/entries").await.assert_status(200);
    }
}

#[tokio::test]
async fn on_mariadb() {
    start_three(&MariaDb::shared().database()).await;
}
