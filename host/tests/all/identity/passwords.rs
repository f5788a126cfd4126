//! Passwords, and a flood of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::ask;
use crate::harness::{TestNode, Wire, fixture, get, post, variant};

#[tokio::test]
async fn a_password_is_verified_by_its_hash_alone() {
    let node = TestNode::start(&[fixture("caller")], |_| {}).await;
    let answer = ask(
        &node,
        "/caller/hash",
        json!({ "password": "correct horse" }),
    )
    .await;
    let hash = answer["hash"].as_str().expect("a hash");
    assert!(
        hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{hash}"
    );
    for (body, verified) in [
        (json!({ "password": "correct horse", "hash": hash }), true),
        (json!({ "password": "wrong horse", "hash": hash }), false),
        (json!({ "password": "correct horse" }), false),
        (
            json!({ "password": "correct horse", "hash": "no hash" }),
            false,
        ),
    ] {
        let answer = ask(&node, "/caller/verify", body.clone()).await;
        assert_eq!(answer["verified"], verified, "{body}");
    }
}

#[tokio::test]
async fn a_flood_is_sent_away_and_costs_nobody_else() {
    let crowd = variant("caller", "[limits]\ninstances = 256\ndeadline = '20s'");
    let node = TestNode::start(&[fixture("hello"), crowd], |_| {}).await;
    let address = node.address();
    let over = Arc::new(AtomicBool::new(false));
    let flood_is_over = over.clone();
    let neighbour = tokio::spawn(async move {
        let mut wire = Wire::connect(address).await;
        let mut answered = 0;
        while !flood_is_over.load(Ordering::Relaxed) {
            wire.send(get("/hello")).await;
            wire.reply().await.assert_status(200);
            answered += 1;
        }
        answered
    });
    let logins: Vec<_> = (0..200)
        .map(|_| {
            tokio::spawn(async move {
                let mut wire = Wire::connect(address).await;
                let body = r#"{"password":"guess"}"#;
                let length = format!("content-length: {}", body.len());
                wire.send(post("/caller/verify", &length) + body).await;
                wire.reply().await
            })
        })
        .collect();
    let mut refused = 0;
    for login in logins {
        let reply = login.await.expect("a reply");
        if reply.status == 503 {
            assert!(reply.header("retry-after").is_some(), "{reply:?}");
            refused += 1;
        } else {
            reply.assert_status(200);
            assert_eq!(reply.json()["verified"], false);
        }
    }
    over.store(true, Ordering::Relaxed);
    assert!(refused > 0 && refused < 200, "{refused} of 200");
    assert!(neighbour.await.expect("no failure") > 0);
}
