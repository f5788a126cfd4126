//! Calls between plugins, by an interface that the host has never heard of.

mod denied;
mod grants;
mod optional;
mod shop;

use std::time::Duration;

use edge::bindings::context::Principal;
use edge::config::{Secret, Settings};
use edge::identity::{TokenKeys, Tokens};
use http::Request;
use serde_json::json;

use crate::harness::{TestNode, fixture, start_error, variant};

async fn pair() -> TestNode {
    TestNode::start(&[fixture("asker"), fixture("answerer")], |_| {}).await
}

#[tokio::test]
async fn every_kind_of_value_crosses() {
    let node = pair().await;
    let reply = node.get("/asker/words?ids=1,2").await;
    reply.assert_status(200);
    let expected = json!([
        { "id": 1, "text": "word 1", "tone": "Tone::Loud", "also": null },
        { "id": 2, "text": "word 2", "tone": "Tone::Plain", "also": "more" },
    ]);
    assert_eq!(reply.json(), expected);
    assert_eq!(node.get("/asker/words?ids=").await.json(), json!([]));
}

#[tokio::test]
async fn an_error_of_the_interface_is_the_callers_to_read() {
    let node = pair().await;
    let reply = node.get("/asker/words?ids=1,-7").await;
    reply.assert_status(404);
    assert_eq!(reply.json()["error"]["field"], "-7");
}

#[tokio::test]
async fn the_context_travels_along() {
    let node = pair().await;
    let context = node.get("/asker/context").await.json();
    assert_eq!(context["same_id"], true);
    assert_eq!(context["caller"], "anonymous");
    let left = context["left"].as_u64().expect("milliseconds");
    assert!((1000..3000).contains(&left), "of 3 s: {left}");
}

#[tokio::test]
async fn who_asks_is_known_to_the_called_plugin_too() {
    const KEYS: &str = "test:the key of these tests that is long enough";
    let principal = Principal {
        id: 7,
        name: "Ada".to_owned(),
        role: "merchant".to_owned(),
    };
    let tokens = Tokens::new(TokenKeys::parse(KEYS).expect("keys"));
    let token = tokens.issue(&principal, 60).expect("a token");
    let node = TestNode::start(&[fixture("asker"), fixture("answerer")], |settings| {
        settings.keys.token_keys = Some(Secret(KEYS.to_owned()));
    })
    .await;
    let caller = async |token: String| {
        let request = Request::get(node.url("/asker/context")).header("user-key", token);
        node.send(request, "").await.json()["caller"].clone()
    };
    assert_eq!(caller(format!("Bearer {token}")).await, "merchant 7");
    assert_eq!(caller(format!("Bearer {token}x")).await, "rejected");
}

/// A called plugin is told who calls it, and not who began.
#[tokio::test]
async fn who_calls_is_known_to_the_called_plugin() {
    let node = pair().await;
    let seen = node.get("/asker/calling-plugins?times=2").await.json();
    assert_eq!(seen, json!([null, "asker", "answerer", "answerer"]));
    let again = node.get("/asker/calling-plugins?times=0").await.json();
    assert_eq!(again, json!([null, "asker"]));
}

/// The plugin that fails costs its caller this one request, which is told
/// what happened in the interface's own terms.
#[tokio::test]
async fn a_failing_plugin_is_unavailable_to_its_caller() {
    let node = pair().await;
    for (how, reason) in [
        ("trap", "trap"),
        ("spin", "cpu-time"),
        ("sleep", "deadline"),
    ] {
        let reply = node.get(&format!("/asker/fail?how={how}")).await;
        reply.assert_status(503);
        assert_eq!(reply.json()["error"]["field"], reason, "{how}");
        node.get("/asker/words?ids=1").await.assert_status(200);
        node.get("/answerer").await.assert_status(200);
    }
}

/// Where the interface has no word for it, the host answers for the caller.
#[tokio::test]
async fn a_failure_that_cannot_be_told_is_a_503_of_the_caller() {
    let node = pair().await;
    for how in ["trap", "spin", "sleep"] {
        let reply = node.get(&format!("/asker/fail-untold?how={how}")).await;
        reply.assert_refusal(503);
        assert_eq!(reply.header("retry-after"), Some("1"), "{how}");
    }
    node.get("/asker/fail-untold?how=well")
        .await
        .assert_status(200);
}

#[tokio::test]
async fn plugins_do_not_call_each_other_for_ever() {
    let node = pair().await;
    let reply = node.get("/asker/again?times=6").await;
    reply.assert_status(200);
    assert_eq!(reply.json(), json!(6));
    node.get("/asker/again?times=1000").await.assert_status(503);
    node.get("/asker/again?times=1").await.assert_status(200);
}

/// An instance for each step of a circle is all there is to have; who waits
/// for one waits in vain, but not for long.
#[tokio::test]
async fn a_circle_without_instances_ends_in_time() {
    let one = variant("answerer", "[limits]\ninstances = 1");
    let plugins = [fixture("asker"), one];
    let impatient = |settings: &mut Settings| settings.queue_timeout = Duration::from_millis(100);
    let node = TestNode::start(&plugins, impatient).await;
    node.get("/asker/again?times=3").await.assert_status(503);
    node.get("/asker/words?ids=1").await.assert_status(200);
}

#[tokio::test]
async fn no_plugin_is_called_while_a_transaction_is_open() {
    let node = pair().await;
    node.get("/asker/in-transaction").await.assert_refusal(500);
    node.get("/asker/words?ids=1").await.assert_status(200);
}

#[tokio::test]
async fn many_calls_at_once_each_get_their_own_answer() {
    let node = pair().await;
    let calls: Vec<_> = (0..100)
        .map(|id| (id, node.spawn_get(&format!("/asker/words?ids={id}"))))
        .collect();
    for (id, call) in calls {
        let reply = call.await.expect("an answer");
        assert_eq!(reply.json()[0]["text"], format!("word {id}"));
    }
}

#[tokio::test]
async fn an_interface_that_nobody_exports_is_found_out_at_start() {
    let error = start_error(&[fixture("asker")], |_| {}).await;
    assert_eq!(
        error,
        "plugin asker imports fixture:words/words@0.1.0, which no plugin exports"
    );
}

#[tokio::test]
async fn an_interface_that_two_export_is_found_out_at_start() {
    let twin = variant("answerer", "name = 'twin'\nroutes = ['/twin']");
    let plugins = [fixture("asker"), fixture("answerer"), twin];
    let error = start_error(&plugins, |_| {}).await;
    assert!(
        error.contains("exported by both answerer and twin"),
        "{error}"
    );
}
