//! What needed a plugin's folder and database once: `edge user` and `edge seed`
//! at a node that takes only signed releases, and from a machine that has
//! nothing but its address and a token.

use std::io::Write;
use std::process::{Output, Stdio};

use bundle::{Bundle, SecretKey};
use http::Method;
use serde_json::{Value, json};
use test_servers::MariaDb;

use super::commands::run;
use crate::catalog::database::Database;
use crate::harness::{TOKEN, TestNode, data_folder, edge, eventually, fixture};

const PASSWORD: &str = "correct horse battery";

/// A node without folders, to which the plugin was deployed.
async fn node_with(plugin: &str, database: &str) -> TestNode {
    let key = SecretKey::generate();
    let node = TestNode::start(&[], |settings| {
        settings.releases.trusted_keys = vec![key.public().to_string()];
        settings.database_url = database.to_owned();
        settings.control_url = database.to_owned();
    })
    .await;
    let bundle = Bundle::pack(fixture(&format!("../{plugin}")).path()).expect("a bundle");
    let operator = node.operator();
    let signature = key.sign(bundle.digest());
    operator.add(&bundle, &signature).await.assert_status(200);
    let order = json!({ "digest": bundle.digest(), "pause_ms": 0 }).to_string();
    let reply = operator.send(Method::POST, "/v1/rollouts", order).await;
    reply.assert_status(200);
    let id = reply.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(operator.end_of(&id).await["phase"], "done");
    node
}

/// Run `edge user add` with these words and this password.
async fn add(node: &TestNode, words: &[&str], password: &str) -> Output {
    let folder = data_folder();
    let mut command = edge(folder.path());
    command
        .args(["user", "add", "--name", "Ada"])
        .args(words)
        .env("EDGE_PLUGINS", "none")
        .env("EDGE_ADMIN_URL", node.admin_url())
        .env("EDGE_ADMIN_TOKEN", TOKEN)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut running = command.spawn().expect("it runs");
    let mut input = running.stdin.take().expect("its input");
    writeln!(input, "{password}").expect("it reads");
    drop(input);
    let ending = tokio::task::spawn_blocking(move || running.wait_with_output());
    ending.await.expect("a thread").expect("it ends")
}

async fn audit(node: &TestNode) -> Vec<Value> {
    let audit = node.operator().get("/v1/audit").await;
    audit.as_array().expect("a list").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_made_at_a_node() {
    let database = MariaDb::shared().database();
    let node = node_with("customer", &database).await;
    let email = ["--email", "ada@example.com"];
    let made = add(&node, &email, PASSWORD).await;
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    let said = String::from_utf8_lossy(&made.stdout).into_owned();
    assert!(
        said.starts_with("merchant ") && said.ends_with(": Ada <ada@example.com>\n"),
        "{said}"
    );

    let again = add(&node, &email, "another password").await;
    assert_eq!(again.status.code(), Some(5), "{again:?}");
    let unknown = ["--email", "bob@example.com", "--existing"];
    let unknown = add(&node, &unknown, PASSWORD).await;
    assert_eq!(unknown.status.code(), Some(1), "{unknown:?}");
    let king = [&email[..], &["--existing", "--role", "king"]].concat();
    let refused = add(&node, &king, PASSWORD).await;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("may have one of these"));

    let login = async |password: &str| {
        let body = json!({ "email": "ada@example.com", "password": password }).to_string();
        node.post("/api/v1/customers/login", body).await
    };
    login(PASSWORD).await.assert_status(200);
    let changed = [&email[..], &["--existing"]].concat();
    let changed = add(&node, &changed, "a third password").await;
    assert_eq!(changed.status.code(), Some(0), "{changed:?}");
    login("a third password").await.assert_status(200);
    assert_ne!(login(PASSWORD).await.status, 200);

    let records = audit(&node).await;
    let count = |action: &str| {
        let found = records.iter().filter(|record| record["action"] == action);
        found
            .filter(|record| record["plugin"] == "customer")
            .count()
    };
    assert_eq!(
        (
            count("add-account"),
            count("change-account"),
            count("refused")
        ),
        (1, 1, 3),
        "{records:?}"
    );
    let text = json!(records).to_string();
    assert!(
        text.contains("ada@example.com") && !text.contains("password\""),
        "{text}"
    );
    for secret in [PASSWORD, "another password", "a third password"] {
        assert!(!text.contains(secret), "{text}");
    }
}

/// A message about a body must not repeat what is in it.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_order_shows_no_password() {
    let node = TestNode::start(&[fixture("hello")], |_| {}).await;
    let operator = node.operator();
    for body in [
        json!({ "name": "Ada", "email": "a@b.c", "role": "merchant", "password": 4_242_424_242_u64 }),
        json!({ "name": "Ada", "email": "a@b.c", "role": 4_242_424_242_u64, "password": "4242424242" }),
        json!(["4242424242"]),
    ] {
        let reply = operator
            .send(Method::POST, "/v1/accounts", body.to_string())
            .await;
        reply.assert_status(400);
        assert!(!reply.text().contains("4242424242"), "{reply:?}");
    }
    let long = json!({ "name": "x".repeat(20_000), "email": "a@b.c", "role": "merchant", "password": "x" });
    let reply = operator
        .send(Method::POST, "/v1/accounts", long.to_string())
        .await;
    reply.assert_status(413);
    let order =
        json!({ "name": "Ada", "email": "a@b.c", "role": "merchant", "password": "4242424242" });
    let reply = operator
        .send(Method::POST, "/v1/accounts", order.to_string())
        .await;
    reply.assert_status(422);
    assert!(reply.text().contains("keeps accounts"), "{reply:?}");
}

/// Generated products would be sold to real customers.
#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_is_filled_at_a_node() {
    let database = Database::of(MariaDb::shared());
    let node = node_with("product", &database.url).await;
    let before = database.count("product").await;
    let grow = ["seed", "product", "--products", "230"];
    let (code, _, error) = run(&node, &grow).await;
    assert_eq!(code, Some(1), "{error}");
    assert!(
        error.contains("real customers") && error.contains("--yes"),
        "{error}"
    );
    assert_eq!(database.count("product").await, before);

    let (code, output, error) = run(&node, &[&grow[..], &["--yes"]].concat()).await;
    assert_eq!(code, Some(0), "{output}{error}");
    assert!(output.contains("\rproduct: "), "{output}");
    assert_eq!(database.count("product").await, 230);
    let (code, _, error) = run(&node, &["seed", "customer", "--products", "9", "--yes"]).await;
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("no plugin customer"), "{error}");
    let records = audit(&node).await;
    for action in ["seed", "seeded", "refused"] {
        assert!(
            records.iter().any(|record| record["action"] == action),
            "{action}: {records:?}"
        );
    }
}

/// The client leaves; the node finishes.
#[tokio::test(flavor = "multi_thread")]
async fn filling_goes_on_without_its_client() {
    let database = Database::of(MariaDb::shared());
    let node = node_with("product", &database.url).await;
    let folder = data_folder();
    let mut client = edge(folder.path())
        .args(["seed", "--products", "3000", "--yes"])
        .env("EDGE_ADMIN_URL", node.admin_url())
        .env("EDGE_ADMIN_TOKEN", TOKEN)
        .stdout(Stdio::null())
        .spawn()
        .expect("it runs");
    eventually("the beginning", async || {
        let records = audit(&node).await;
        records
            .iter()
            .any(|record| record["action"] == "seed")
            .then_some(())
    })
    .await;
    client.kill().expect("it runs");
    client.wait().expect("a child");
    eventually("the end", async || {
        let records = audit(&node).await;
        records
            .iter()
            .any(|record| record["action"] == "seeded")
            .then_some(())
    })
    .await;
    assert_eq!(database.count("product").await, 3000);
}
