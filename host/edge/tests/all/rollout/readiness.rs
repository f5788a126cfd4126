//! Customers are sent to nodes that serve what their region is to run, and to
//! no others.

use std::net::SocketAddr;

use bundle::{Bundle, SecretKey};
use http::Method;
use serde_json::{Value, json};
use test_servers::{MariaDb, Redis};

use super::commands::run_at;
use super::fleet::Fleet;
use crate::harness::{
    PluginFolder, Reply, TestNode, Wire, component, data_folder, eventually, fixture, get, variant,
    with_ballast,
};

async fn ask(address: SocketAddr, target: &str) -> Reply {
    let mut wire = Wire::connect(address).await;
    wire.send(get(target)).await;
    wire.reply().await
}

/// What `/readyz?verbose` says, with the status of `/readyz`.
async fn readiness(address: SocketAddr) -> (u16, Value) {
    let details = ask(address, "/readyz?verbose").await;
    let plain = ask(address, "/readyz").await;
    (plain.status, details.json())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_region_takes_customers_once_it_is_filled() {
    let mut fleet = Fleet::start(Redis::shared().database()).await;
    let operator = fleet.operator(0);
    operator.deploy(&fixture("answerer")).await;
    fleet.plugin = PluginFolder::none();
    fleet.join("ap-south").await;
    let (new, admin) = {
        let process = &fleet.members[3].process;
        (process.address(), process.admin_address())
    };
    let (status, details) = readiness(new).await;
    assert_eq!(status, 503);
    assert_eq!(details["ready"], false);
    let missing = details["missing"][0].as_str().expect("a reason");
    assert!(
        missing.contains("region ap-south runs nothing")
            && missing.contains("edge region fill ap-south --from eu-west"),
        "{missing}"
    );
    assert_eq!(ask(new, "/livez").await.status, 200);

    let fill = ["region", "fill", "ap-south", "--from", "us-east", "--wait"];
    let (code, output, error) = run_at(admin, &fill).await;
    assert_eq!(code, Some(0), "{output}{error}");
    eventually("customers", async || {
        (ask(new, "/readyz").await.status == 200).then_some(())
    })
    .await;
    for target in ["/hello", "/answerer"] {
        assert_ne!(ask(new, target).await.status, 404, "{target}");
    }
    // Each plugin came by a rollout, and the audit has all of them.
    let audit = operator.get("/v1/audit").await;
    let entries = audit.as_array().expect("a list").iter();
    let fills = entries.filter(|entry| entry["action"] == "fill-region");
    assert_eq!(fills.count(), 2, "{audit}");

    // Once more: nothing is left to be done.
    let (code, output, error) = run_at(admin, &fill).await;
    assert_eq!(code, Some(0), "{error}");
    assert!(
        output.contains("hello  runs there already") && !output.contains("rollout"),
        "{output}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_is_not_filled_by_mistake() {
    let fleet = Fleet::start(Redis::shared().database()).await;
    let admin = fleet.members[0].process.admin_address();
    for (region, from, reason) in [
        ("us-eats", "eu-west", "has no live node"),
        ("us-east", "mars", "region mars runs nothing"),
        ("us-east", "us-east", "from itself"),
    ] {
        let (code, _, error) = run_at(admin, &["region", "fill", region, "--from", from]).await;
        assert_eq!(code, Some(1), "{error}");
        assert!(error.contains(reason), "{error}");
    }
    let unknown = ["--from", "eu-west", "--plugin", "nothing"];
    let arguments = [&["region", "fill", "us-east"][..], &unknown].concat();
    let (_, _, error) = run_at(admin, &arguments).await;
    assert!(error.contains("does not run nothing"), "{error}");
    let audit = fleet.operator(1).get("/v1/audit").await;
    assert!(audit.to_string().contains("us-eats"), "{audit}");
}

/// A first node of all waits for its first deployment, and the last removal
/// sends customers away again.
#[tokio::test]
async fn a_node_with_nothing_to_serve_takes_no_customers() {
    let node = TestNode::start(&[], |_| {}).await;
    let (status, details) = readiness(node.address()).await;
    assert_eq!(status, 503);
    let missing = details["missing"].to_string();
    assert!(missing.contains("`edge deploy`"), "{missing}");
    node.get("/livez").await.assert_status(200);
    node.operator().deploy(&fixture("hello")).await;
    node.until_status("/readyz", 200).await;

    let removal = node.operator();
    let reply = removal
        .send(http::Method::DELETE, "/v1/plugins/hello", "")
        .await;
    reply.assert_status(200);
    node.until_status("/readyz", 503).await;
}

/// One plugin that comes new to a region takes none of its nodes away, and one
/// of its customers' releases that fails does not either.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_serves_stays_ready_while_a_plugin_is_added() {
    let database = MariaDb::shared().database();
    let node = TestNode::start(&[fixture("hello")], |settings| {
        settings.control_url.clone_from(&database);
        settings.region = "local".to_owned();
    })
    .await;
    let large = with_ballast(&component("answerer"), 1_500);
    let slow = variant("answerer", "component = \"large.wasm\"").with("large.wasm", large);
    let bundle = bundle::Bundle::pack(slow.path()).expect("a bundle");
    node.operator().add(&bundle, "").await.assert_status(200);
    let (_, name) = database.rsplit_once('/').expect("a URL");
    let digest = bundle.digest();
    MariaDb::shared().run(&format!(
        "INSERT INTO {name}.edge_release_log VALUES \
         ('local', 'answerer', 1, '{digest}', NULL, 0, '', 'test', '', 0); \
         INSERT INTO {name}.edge_release_head VALUES ('local', 'answerer', 1)"
    ));
    let degraded = eventually("a plugin that is made ready", async || {
        let (status, details) = readiness(node.address()).await;
        assert_eq!(status, 200, "{details}");
        (details["degraded"] == true).then_some(details)
    })
    .await;
    assert_eq!(
        degraded["missing"],
        json!(["plugin answerer is made ready"])
    );
    eventually("all plugins", async || {
        let (status, details) = readiness(node.address()).await;
        assert_eq!(status, 200, "{details}");
        (details["degraded"] == false).then_some(())
    })
    .await;
}

/// A node that starts with what failed elsewhere is ready with what it serves.
#[tokio::test]
async fn an_older_release_that_serves_is_enough() {
    let data = data_folder();
    let node = TestNode::start_in(data.path(), &[fixture("hello")], |_| {}).await;
    let sick = variant("hello", "version = \"0.9.0\"\nhealth = \"/nothing\"");
    let bundle = bundle::Bundle::pack(sick.path()).expect("a bundle");
    node.operator().add(&bundle, "").await.assert_status(200);
    let url = format!("sqlite://{}", data.path().join("control.sqlite").display());
    let mut control = <sqlx::SqliteConnection as sqlx::Connection>::connect(&url)
        .await
        .expect("the file");
    let digest = bundle.digest();
    let entry = format!(
        "INSERT INTO edge_release_log SELECT region, plugin, revision + 1, '{digest}', NULL, 0, \
         '', 'test', '', 0 FROM edge_release_log WHERE plugin = 'hello'"
    );
    let text: &'static str = Box::leak(entry.into_boxed_str());
    sqlx::query(text)
        .execute(&mut control)
        .await
        .expect("an entry");
    eventually("a failure", async || {
        let status = node.operator().get("/v1/status").await;
        (status["nodes"][0]["plugins"]["hello"]["state"] == "failed").then_some(())
    })
    .await;
    let (status, details) = readiness(node.address()).await;
    assert_eq!((status, &details["ready"]), (200, &json!(true)));
}

/// Two plugins fill a region, and its nodes trust the vendor of one of them.
/// Nothing ran there before: they take no customers without the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_could_not_be_filled_takes_no_customers() {
    let database = MariaDb::shared().database();
    let ours = SecretKey::generate();
    let node = async |region: &str, keys: Vec<String>| {
        TestNode::start(&[], |settings| {
            settings.control_url.clone_from(&database);
            settings.region = region.to_owned();
            settings.releases.trusted_keys = keys;
        })
        .await
    };
    let first = node("a", Vec::new()).await;
    let operator = first.operator();
    for (plugin, is_signed) in [("hello", true), ("answerer", false)] {
        let bundle = Bundle::pack(fixture(plugin).path()).expect("a bundle");
        let digest = bundle.digest();
        let signature = if is_signed {
            ours.sign(digest)
        } else {
            String::new()
        };
        operator.add(&bundle, &signature).await.assert_status(200);
        let order = json!({ "digest": digest, "regions": ["a"] }).to_string();
        let begun = operator.send(Method::POST, "/v1/rollouts", order).await;
        begun.assert_status(200);
        let rollout = begun.json()["id"].as_str().expect("an id").to_owned();
        assert_eq!(operator.end_of(&rollout).await["phase"], "done");
    }
    let second = node("b", vec![ours.public().to_string()]).await;
    eventually("a live node", async || {
        let status = operator.get("/v1/status").await;
        (status["nodes"].as_array()?.len() == 2).then_some(())
    })
    .await;
    let order = json!({ "from": "a" }).to_string();
    let filled = operator
        .send(Method::POST, "/v1/regions/b/fill", order)
        .await;
    filled.assert_status(200);
    for rollout in filled.json()["rollouts"].as_array().expect("a list") {
        let end = operator
            .end_of(rollout["id"].as_str().expect("an id"))
            .await;
        let (phase, reason) = (&end["phase"], end["reason"].to_string());
        match rollout["plugin"].as_str() {
            Some("hello") => assert_eq!(phase, "done", "{end}"),
            _ => assert!(
                *phase == "failed" && reason.contains("asks for it"),
                "{end}"
            ),
        }
    }
    second.until_status("/hello", 200).await;
    // Between two attempts.
    eventually("what is missing", async || {
        let (status, details) = readiness(second.address()).await;
        assert_eq!(status, 503, "{details}");
        let missing = details["missing"].to_string();
        missing
            .contains("plugin answerer cannot serve")
            .then_some(())
    })
    .await;
}
