//! A shop that takes test tokens for money says so where that may be a mistake,
//! and does not start where it is one.

use edge::config::Settings;

use crate::catalog::database::{Database, Store};
use crate::harness::{Running, TOKEN, TestNode, data_folder, edge, eventually, start_error};
use crate::shop::plugins;

const LACKS: &str = "STRIPE_SECRET_KEY is not set: test tokens are taken for money";

/// What `edge status` says of the node.
async fn status(node: &TestNode) -> String {
    let folder = data_folder();
    let mut command = edge(folder.path());
    command
        .arg("status")
        .env("EDGE_ADMIN_URL", node.admin_url())
        .env("EDGE_ADMIN_TOKEN", TOKEN);
    let running = tokio::task::spawn_blocking(move || command.output());
    let output = running.await.expect("a thread").expect("it runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// The same, once the node has reported its plugins.
async fn reported(node: &TestNode) -> String {
    eventually("the node's report", async || {
        let status = status(node).await;
        status.contains("payment").then_some(status)
    })
    .await
}

#[tokio::test]
async fn production_takes_no_test_tokens() {
    for key in [None, Some(""), Some(" ")] {
        let production = |settings: &mut Settings| {
            settings.production = true;
            let key = key.map(|key| ("STRIPE_SECRET_KEY".to_owned(), key.to_owned()));
            settings.plugin_config.0.extend(key);
        };
        let error = start_error(&plugins(), production).await;
        let refused = format!("plugin payment: refused in production: {LACKS}");
        assert!(error.contains(&refused), "{error}");
    }
    let node = TestNode::start(&plugins(), |settings| {
        settings.production = true;
        let key = ("STRIPE_SECRET_KEY".to_owned(), "sk_test_x".to_owned());
        settings.plugin_config.0.extend([key]);
    })
    .await;
    let status = reported(&node).await;
    assert!(!status.contains("warning"), "{status}");
}

#[tokio::test]
async fn a_node_that_looks_like_production_tells_its_operators() {
    let alone = TestNode::start(&plugins(), |_| {}).await;
    let status = reported(&alone).await;
    assert!(!status.contains("warning"), "{status}");
    let database = Database::new(Store::MariaDb);
    let server = TestNode::start(&plugins(), |settings| {
        settings.database_url.clone_from(&database.url);
    })
    .await;
    let status = reported(&server).await;
    let warning = format!("warning: payment: {LACKS}");
    assert_eq!(status.matches(&warning).count(), 1, "{status}");
}

#[tokio::test]
async fn a_node_that_looks_like_production_warns_when_it_starts() {
    let folder = data_folder();
    let database = Database::new(Store::MariaDb);
    let payment = plugins()[2].path().display().to_string();
    let order = plugins()[1].path().display().to_string();
    let others = [0, 3].map(|n| plugins()[n].path().display().to_string());
    let mut command = edge(folder.path());
    command
        .env("EDGE_PLUGINS", [order, payment, others.join(",")].join(","))
        .env("DATABASE_URL", &database.url)
        .arg("serve");
    let mut node = Running::start(&mut command);
    let line = node.line(|line| line.contains("STRIPE_SECRET_KEY"));
    assert!(line.contains("WARN") && line.contains(LACKS), "{line}");
}
