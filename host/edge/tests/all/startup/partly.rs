//! A node starts although one of the plugins that the release log asks for
//! cannot serve, or a canary cannot: the others serve, and it goes on trying.

use bundle::{Bundle, SecretKey};
use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_servers::MariaDb;

use crate::harness::{Operator, PluginFolder, TestNode, data_folder, eventually, fixture, variant};

/// A shop of one region, whose nodes keep what is theirs in one folder.
struct Shop {
    database: String,
    data: TempDir,
}

impl Shop {
    fn new() -> Self {
        Self {
            database: MariaDb::shared().database(),
            data: data_folder(),
        }
    }

    async fn start(&self, plugins: &[PluginFolder], trusted_keys: &[String]) -> TestNode {
        TestNode::start_in(self.data.path(), plugins, |settings| {
            settings.control_url.clone_from(&self.database);
            settings.releases.trusted_keys = trusted_keys.to_vec();
        })
        .await
    }

    /// Runs a statement in the control database, whose name stands for `{name}`.
    fn run(&self, statement: &str) {
        let (_, name) = self.database.rsplit_once('/').expect("a database");
        MariaDb::shared().run(&statement.replace("{name}", name));
    }
}

async fn until_failed(node: &TestNode, plugin: &str, reason: &str) {
    eventually(reason, async || {
        let status = node.operator().get("/v1/status").await;
        let report = &status["nodes"][0]["plugins"][plugin];
        let is_told = report["reason"].as_str()?.contains(reason);
        (report["state"] == "failed" && is_told).then_some(())
    })
    .await;
}

async fn begin(operator: &Operator, bundle: &Bundle, signature: &str, more: Value) -> String {
    operator.add(bundle, signature).await.assert_status(200);
    let mut order = json!({ "digest": bundle.digest(), "pause_ms": 0 });
    let more = more.as_object().expect("an object").clone();
    order.as_object_mut().expect("an object").extend(more);
    let begun = operator
        .send(Method::POST, "/v1/rollouts", order.to_string())
        .await;
    begun.assert_status(200);
    begun.json()["id"].as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_bundle_stops_no_other_plugin() {
    let shop = Shop::new();
    let plugins = [fixture("hello"), fixture("answerer")];
    assert!(shop.start(&plugins, &[]).await.stop().await);
    shop.run(
        "UPDATE {name}.edge_blob_part SET content = 'damaged' \
         WHERE LENGTH(content) > 4096 AND upload IN \
         (SELECT b.upload FROM {name}.edge_blob b \
         JOIN {name}.edge_bundle_blob s ON s.blob_digest = b.digest \
         JOIN {name}.edge_bundle e ON e.digest = s.bundle WHERE e.plugin = 'answerer')",
    );
    let node = shop.start(&[], &[]).await;
    node.get("/hello").await.assert_status(200);
    node.get("/answerer").await.assert_status(404);
    until_failed(&node, "answerer", "was changed in the control database").await;
    let told = node.get("/readyz?verbose").await.json();
    assert_eq!(told["ready"], false, "{told}");
    let missing = told["missing"].to_string();
    assert!(
        missing.contains("plugin answerer cannot serve"),
        "{missing}"
    );
    let metrics = node.operator().send(Method::GET, "/metrics", "").await;
    let wanted = "edge_plugin_missing{plugin=\"answerer\",region=\"local\"} 1";
    assert!(metrics.text().contains(wanted), "{}", metrics.text());

    // It is mended without a restart.
    let bundle = Bundle::pack(plugins[1].path()).expect("a bundle");
    node.operator().add(&bundle, "").await.assert_status(200);
    node.until_status("/readyz", 200).await;
    assert_ne!(node.get("/answerer").await.status, 404);
}

/// The key that signed one plugin is trusted no more.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_nobody_vouches_for_any_more_stops_no_other_plugin() {
    let (old, new) = (SecretKey::generate(), SecretKey::generate());
    let shop = Shop::new();
    let node = shop.start(&[], &[]).await;
    for (plugin, key) in [("hello", &new), ("answerer", &old)] {
        let bundle = Bundle::pack(fixture(plugin).path()).expect("a bundle");
        let signature = key.sign(bundle.digest());
        let rollout = begin(&node.operator(), &bundle, &signature, json!({})).await;
        assert_eq!(node.operator().end_of(&rollout).await["phase"], "done");
    }
    assert!(node.stop().await);
    let node = shop.start(&[], &[new.public().to_string()]).await;
    node.get("/hello").await.assert_status(200);
    node.get("/answerer").await.assert_status(404);
    until_failed(&node, "answerer", "does not trust").await;
}

/// The canary is signed by a key that this node does not trust. As on a node
/// that runs, the active release serves and the canary is withdrawn.
#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_cannot_serve_leaves_the_active_release_serving() {
    let (ours, theirs) = (SecretKey::generate(), SecretKey::generate());
    let shop = Shop::new();
    let node = shop.start(&[], &[]).await;
    let releases = [(0, &ours, 0), (1, &theirs, 50)];
    let mut rollouts = Vec::new();
    for (version, key, percent) in releases {
        let folder = variant("hello", &format!("version = \"0.{version}.0\""));
        let bundle = Bundle::pack(folder.path()).expect("a bundle");
        let more = json!({ "canary_percent": percent });
        let signature = key.sign(bundle.digest());
        let operator = node.operator();
        let rollout = begin(&operator, &bundle, &signature, more).await;
        let settled = ["done", "canary"];
        operator
            .until(&rollout, |phase| settled.contains(&phase))
            .await;
        rollouts.push(rollout);
    }
    assert!(node.stop().await);

    let node = shop.start(&[], &[ours.public().to_string()]).await;
    node.get("/readyz").await.assert_status(200);
    for agent in 0..20 {
        let request =
            http::Request::get(node.url("/hello")).header("user-agent", agent.to_string());
        let reply = node.send(request, "").await;
        assert_eq!(reply.header("edge-release"), Some("hello@0.0.0"));
    }
    let end = node.operator().end_of(&rollouts[1]).await;
    assert_eq!(end["phase"], "failed", "{end}");
    let reason = end["reason"].as_str().expect("a reason");
    assert!(reason.contains("does not trust"), "{reason}");
}

/// The log asks for two plugins of one route: the one that was there first has
/// it.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_plugins_with_one_route_the_first_serves() {
    let shop = Shop::new();
    let node = shop.start(&[fixture("hello")], &[]).await;
    let greedy = variant("answerer", "routes = [\"/answerer\", \"/hello\"]");
    let bundle = Bundle::pack(greedy.path()).expect("a bundle");
    node.operator().add(&bundle, "").await.assert_status(200);
    assert!(node.stop().await);
    let digest = bundle.digest();
    shop.run(&format!(
        "INSERT INTO {{name}}.edge_release_log VALUES \
         ('local', 'answerer', 1, '{digest}', NULL, 0, '', 'test', '', 9000000000000)"
    ));
    let node = shop.start(&[], &[]).await;
    let reply = node.get("/hello").await;
    reply.assert_status(200);
    assert_eq!(reply.header("edge-release"), Some("hello@0.1.0"));
    until_failed(&node, "answerer", "claimed").await;
}
