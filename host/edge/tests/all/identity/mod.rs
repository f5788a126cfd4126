//! Who calls, and what a plugin may do about passwords and tokens.

mod callers;
mod passwords;
mod roles;

use edge::config::{Secret, Settings};
use serde_json::{Value, json};

use crate::harness::{TestNode, fixture, start_error, variant};

/// Two keys of tokens, as an operator writes them.
const OLD_KEY: &str = "old:0123456789abcdef0123456789abcdef";
const NEW_KEY: &str = "new:fedcba9876543210fedcba9876543210";

fn with_keys(keys: &str) -> impl FnOnce(&mut Settings) {
    let keys = keys.to_owned();
    move |settings| settings.keys.token_keys = Some(Secret(keys))
}

/// POST `body` to the fixture and return what it answers.
async fn ask(node: &TestNode, target: &str, body: Value) -> Value {
    let reply = node.post(target, body.to_string()).await;
    reply.assert_status(200);
    reply.json()
}

/// A token for the customer with this id, and the role `customer`.
async fn token(node: &TestNode, id: i64) -> String {
    let body = json!({ "id": id, "name": "Ada", "role": "customer" });
    let answer = ask(node, "/caller/token", body).await;
    answer["token"].as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn what_is_not_granted_is_refused_at_start() {
    for (grant, other) in [("identity", "mail"), ("mail", "identity")] {
        let plugin = variant(
            "caller",
            &format!("[grants]\n{grant} = false\n{other} = true"),
        );
        let error = start_error(&[plugin], |_| {}).await;
        let expected =
            format!("imports edge:platform/{grant}@0.2.0, but the manifest has no `{grant}`");
        assert!(error.contains(&expected), "{error}");
    }
}

#[tokio::test]
async fn keys_that_are_too_weak_end_the_start() {
    let error = start_error(&[fixture("caller")], with_keys("k:hunter2")).await;
    assert!(error.contains("EDGE_TOKEN_KEYS"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}
