//! Who calls, by the token of the request.

use http::Request;
use serde_json::{Value, json};

use super::{NEW_KEY, OLD_KEY, token, with_keys};
use crate::harness::{TestNode, data_folder, fixture};

/// What the plugin sees of a request with these header fields.
async fn seen(node: &TestNode, fields: &[(&str, &str)]) -> Value {
    let mut request = Request::get(node.url("/caller"));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let reply = node.send(request, "").await;
    reply.assert_status(200);
    reply.json()
}

fn has_header(seen: &Value, name: &str) -> bool {
    let headers = seen["headers"].as_array().expect("a list");
    headers.contains(&json!(name))
}

#[tokio::test]
async fn a_token_names_the_caller_and_stays_in_the_host() {
    let node = TestNode::start(&[fixture("caller")], |_| {}).await;
    assert_eq!(seen(&node, &[]).await["caller"], "anonymous");
    let bearer = format!("Bearer {}", token(&node, 7).await);
    for fields in [
        &[("USER-KEY", bearer.as_str())][..],
        &[("authorization", bearer.as_str())],
        &[
            ("user-key", bearer.as_str()),
            ("authorization", bearer.as_str()),
        ],
    ] {
        let seen = seen(&node, fields).await;
        let ada = json!({ "id": 7, "name": "Ada", "role": "customer" });
        assert_eq!(seen["caller"], ada, "{fields:?}");
        assert!(!has_header(&seen, "user-key"), "{seen}");
        assert!(!has_header(&seen, "authorization"), "{seen}");
        assert!(has_header(&seen, "host"), "{seen}");
    }
}

#[tokio::test]
async fn what_does_not_hold_is_rejected() {
    let node = TestNode::start(&[fixture("caller")], |_| {}).await;
    let (seven, eight) = (token(&node, 7).await, token(&node, 8).await);
    let (message, signature) = seven.rsplit_once('.').expect("a signature");
    let (_, claims) = message.split_once('.').expect("claims");
    // {"alg":"none","typ":"JWT"}
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims}.");
    let bearer = |token: &str| format!("Bearer {token}");
    let seven_bearer = bearer(&seven);
    for fields in [
        vec![("user-key", bearer(&unsigned))],
        vec![("user-key", bearer(&format!("{message}.")))],
        vec![("user-key", bearer(message))],
        vec![("user-key", bearer(&seven[..seven.len() - 3]))],
        vec![(
            "user-key",
            bearer(&eight.replace(eight.rsplit_once('.').expect("a part").1, signature)),
        )],
        vec![("user-key", bearer("x"))],
        vec![("user-key", seven.clone())],
        vec![("authorization", "Basic dTpw".to_owned())],
        vec![
            ("user-key", seven_bearer.clone()),
            ("user-key", seven_bearer.clone()),
        ],
        vec![
            ("user-key", seven_bearer.clone()),
            ("authorization", bearer(&eight)),
        ],
    ] {
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        assert_eq!(
            seen(&node, &fields).await["caller"],
            "rejected",
            "{fields:?}"
        );
    }
}

#[tokio::test]
async fn a_token_has_to_hold_for_a_while() {
    let node = TestNode::start(&[fixture("caller")], |_| {}).await;
    let refused = json!({ "id": 7, "name": "Ada", "role": "customer", "lifetime": 0 });
    let reply = node.post("/caller/token", refused.to_string()).await;
    reply.assert_status(500);
}

#[tokio::test]
async fn nodes_with_one_secret_take_each_others_tokens() {
    let data = data_folder();
    let plugins = [fixture("caller")];
    let first = TestNode::start_in(data.path(), &plugins, |_| {}).await;
    let bearer = format!("Bearer {}", token(&first, 7).await);
    first.stop().await;
    let again = TestNode::start_in(data.path(), &plugins, |_| {}).await;
    assert_eq!(
        seen(&again, &[("user-key", &bearer)]).await["caller"]["id"],
        7
    );
    let other = TestNode::start(&plugins, |_| {}).await;
    assert_eq!(
        seen(&other, &[("user-key", &bearer)]).await["caller"],
        "rejected"
    );
}

#[tokio::test]
async fn keys_are_changed_while_tokens_of_the_old_one_hold() {
    let plugins = [fixture("caller")];
    let before = TestNode::start(&plugins, with_keys(OLD_KEY)).await;
    let during = TestNode::start(&plugins, with_keys(&format!("{NEW_KEY},{OLD_KEY}"))).await;
    let after = TestNode::start(&plugins, with_keys(NEW_KEY)).await;
    let old = format!("Bearer {}", token(&before, 7).await);
    let new = format!("Bearer {}", token(&during, 8).await);
    assert_eq!(
        seen(&during, &[("user-key", &old)]).await["caller"]["id"],
        7
    );
    assert_eq!(seen(&after, &[("user-key", &new)]).await["caller"]["id"], 8);
    assert_eq!(
        seen(&after, &[("user-key", &old)]).await["caller"],
        "rejected"
    );
    assert_eq!(
        seen(&before, &[("user-key", &new)]).await["caller"],
        "rejected"
    );
}
