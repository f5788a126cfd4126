//! How often a request may call into the host.

use serde_json::json;

use crate::harness::{TestNode, variant};

#[tokio::test]
async fn a_request_has_so_many_calls_and_the_next_has_as_many() {
    let frugal = variant("ledger", "[limits]\nhost-calls = 10\ninstances = 1");
    let node = TestNode::start(&[frugal], |_| {}).await;
    for _ in 0..2 {
        let reply = node.get("/ledger/calls?n=10").await;
        reply.assert_status(200);
        assert_eq!(reply.json(), json!({ "calls": 10 }));
    }
    let reply = node.get("/ledger/calls?n=11").await;
    reply.assert_status(200);
    let answer = reply.json();
    assert_eq!(answer["calls"], 10, "{answer}");
    let error = &answer["failed"]["error"];
    assert_eq!(error["name"], "too-large", "{answer}");
    assert!(
        error["text"]
            .as_str()
            .is_some_and(|text| text.contains("10")),
        "{answer}"
    );

    let reply = node.get("/ledger/calls?n=10").await;
    assert_eq!(reply.json(), json!({ "calls": 10 }));
}
