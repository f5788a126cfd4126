//! Stores that do not answer when a node starts: what does not need them
//! serves, and the rest comes with them.

use edge::config::Settings;
use http::Method;
use serde_json::{Value, json};
use test_servers::MariaDb;

use crate::harness::{
    Client, Mode, Proxy, Running, TOKENS, TestNode, data_folder, edge, eventually, fixture, variant,
};

/// `url` by way of `proxy`.
fn through(proxy: &Proxy, url: &str) -> String {
    let (_, database) = url.rsplit_once('/').expect("a database");
    format!("mysql://root@{}/{database}", proxy.address())
}

/// A way to a database of MariaDB where nobody listens yet.
async fn refusing() -> (Proxy, String) {
    let proxy = Proxy::before(MariaDb::shared().port()).await;
    proxy.set(Mode::Refuse).await;
    let url = through(&proxy, &MariaDb::shared().database());
    (proxy, url)
}

async fn details(node: &TestNode) -> Value {
    node.get("/readyz?verbose").await.json()
}

/// The part of `edge status` that speaks of the ledger.
async fn ledger_report(node: &TestNode) -> Value {
    let status = node.operator().get("/v1/status").await;
    status["nodes"][0]["plugins"]["ledger"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_whose_database_does_not_answer_comes_when_it_does() {
    let (proxy, url) = refusing().await;
    let plugins = [fixture("hello"), fixture("ledger")];
    let node = TestNode::start(&plugins, |settings| {
        settings
            .databases
            .plugin_urls
            .insert("ledger".to_owned(), url);
    })
    .await;
    node.get("/hello").await.assert_status(200);
    node.until_status("/readyz", 200).await;
    let reply = node.get("/ledger/entries").await;
    reply.assert_refusal(503);
    assert_eq!(reply.header("retry-after"), Some("1"));
    let told = details(&node).await;
    assert_eq!(
        (&told["ready"], &told["degraded"]),
        (&json!(true), &json!(true))
    );
    let missing = json!(["plugin ledger waits for its store"]);
    assert_eq!(told["missing"], missing, "{told}");
    eventually("the cause in the node's report", async || {
        let report = ledger_report(&node).await;
        let is_told = report["reason"].as_str()?.contains("Connection refused");
        (report["state"] == "failed" && is_told).then_some(())
    })
    .await;
    let metrics = node.operator().send(Method::GET, "/metrics", "").await;
    assert!(
        metrics
            .text()
            .contains("edge_plugin_missing{plugin=\"ledger\",region=\"local\"} 1")
    );

    proxy.set(Mode::Pass).await;
    node.until_status("/ledger/entries", 200).await;
    eventually("a node that lacks nothing", async || {
        let told = details(&node).await;
        (told["degraded"] == false && told["missing"] == json!([])).then_some(())
    })
    .await;
    eventually("a report of what serves", async || {
        (ledger_report(&node).await["state"] == "serving").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_which_nothing_can_serve_is_not_ready() {
    let (proxy, url) = refusing().await;
    let node = TestNode::start(&[fixture("ledger")], |settings| settings.database_url = url).await;
    let reply = node.get("/readyz").await;
    reply.assert_status(503);
    assert_eq!(reply.text(), "not ready\n");
    node.get("/livez").await.assert_status(200);
    proxy.set(Mode::Pass).await;
    node.until_status("/readyz", 200).await;
    node.get("/ledger/entries").await.assert_status(200);
}

/// At the first start, settings that are wrong stop it; a plugin that served
/// before stops no others.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_refuses_one_plugin_stops_no_restart() {
    let data = data_folder();
    let plugins = [fixture("hello"), fixture("ledger")];
    let url = MariaDb::shared().database();
    let start = async |url: String| {
        let set = |settings: &mut Settings| {
            settings
                .databases
                .plugin_urls
                .insert("ledger".to_owned(), url);
        };
        TestNode::start_in(data.path(), &plugins, set).await
    };
    assert!(start(url.clone()).await.stop().await);
    let node = start(url.replace("root@", "nobody:hunter2@")).await;
    node.get("/hello").await.assert_status(200);
    node.get("/ledger/entries").await.assert_refusal(503);
    eventually("the cause in the node's report", async || {
        let report = ledger_report(&node).await;
        let reason = report["reason"].as_str()?.to_owned();
        assert!(!reason.contains("hunter2"), "{reason}");
        reason.contains("Access denied").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_and_the_mail_server_need_not_be_there() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = nobody.local_addr().expect("its address");
    drop(nobody);
    let sender = variant("caller", "");
    let plugins = [fixture("hello"), fixture("buckets"), sender];
    let node = TestNode::start(&plugins, |settings| {
        settings.redis_url = Some(format!("redis://{address}"));
        settings.mail.url = Some(format!("smtp://{address}"));
    })
    .await;
    node.get("/hello").await.assert_status(200);
    node.get("/buckets/values/a").await.assert_status(503);
    let told = details(&node).await;
    let stores = told["stores"].as_array().expect("a list");
    let buckets = stores.iter().find(|store| store["name"] == "buckets");
    assert_eq!(buckets.expect("buckets")["answers"], false, "{told}");
    assert_eq!(told["degraded"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_its_control_database_waits_for_it() {
    let proxy = Proxy::before(MariaDb::shared().port()).await;
    proxy.set(Mode::Refuse).await;
    let url = through(&proxy, &MariaDb::shared().database());
    let data = data_folder();
    let mut command = edge(data.path());
    command
        .arg("serve")
        .env("EDGE_DATA_DIR", data.path())
        .env("EDGE_PLUGINS", fixture("hello").path())
        .env("EDGE_CONTROL_URL", url)
        .env("EDGE_ADMIN_TOKENS", TOKENS);
    // The port is needed before the node can say which it is.
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = port.local_addr().expect("its address");
    drop(port);
    command.env("EDGE_LISTEN", address.to_string());
    let mut process = Running::start(&mut command);
    let line = process.line(|line| line.contains("nothing is served yet"));
    assert!(line.contains("the control database"), "{line}");
    assert!(line.contains("Connection refused"), "{line}");
    drop(
        eventually("an open port", async || {
            tokio::net::TcpStream::connect(address).await.ok()
        })
        .await,
    );
    let client = Client::of(address);
    client.get("/livez").await.assert_status(200);
    let reply = client.get("/readyz").await;
    reply.assert_status(503);
    assert!(reply.text().contains("control database"), "{reply:?}");
    let told = client.get("/readyz?verbose").await;
    told.assert_status(503);
    assert_eq!(told.json()["waiting_for"], "control database");
    client.get("/hello").await.assert_status(503);

    proxy.set(Mode::Pass).await;
    process.banner();
    let reply = eventually("a node that serves", async || {
        let reply = client.get("/hello").await;
        (reply.status == 200).then_some(reply)
    })
    .await;
    reply.assert_status(200);
    client.get("/readyz").await.assert_status(200);
    let written = process.end().await;
    assert!(
        written.contains("the control database answers"),
        "{written}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_waits_ends_when_it_is_told_to() {
    let folder = data_folder();
    let mut command = edge(folder.path());
    command
        .arg("serve")
        .env("EDGE_DATA_DIR", folder.path())
        .env("EDGE_PLUGINS", fixture("ledger").path())
        .env("DATABASE_URL", "mysql://shop:hunter2@127.0.0.1:1/shop");
    let mut process = Running::start(&mut command);
    process.line(|line| line.contains("nothing is served yet"));
    let written = process.end().await;
    assert!(!written.contains("hunter2"), "{written}");
}
