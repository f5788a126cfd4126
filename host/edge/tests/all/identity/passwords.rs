//! Passwords, and a flood of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use edge::config::{LegacyHash, Settings};
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
async fn a_hash_of_another_kind_is_right_and_outdated_or_verifies_nothing() {
    let allow = |settings: &mut Settings| {
        settings.legacy_password_hashes = [LegacyHash::Md5].into_iter().collect();
    };
    let node = TestNode::start(&[fixture("caller")], allow).await;
    let hashed = ask(&node, "/caller/hash", json!({ "password": "secret" })).await;
    let bcrypt = "$2b$04$gmSPkaICTejckUm2cpcZiu5Y2v0aAlnrd9BtRBfUWOdpgRufamWEC";
    let md5 = "5ebe2294ecd0e0f08eab7690d2a6ee69";
    let sha1 = "e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4";
    let costly = "$2b$31$gmSPkaICTejckUm2cpcZiu5Y2v0aAlnrd9BtRBfUWOdpgRufamWEC";
    for (password, hash, expected) in [
        ("secret", hashed["hash"].clone(), "right"),
        ("Secret", hashed["hash"].clone(), "wrong"),
        ("secret", json!(null), "wrong"),
        ("Pässword-1 ö", json!(bcrypt), "outdated"),
        ("secret", json!(bcrypt), "wrong"),
        ("secret", json!(md5), "outdated"),
        ("Secret", json!(md5), "wrong"),
        ("secret", json!(sha1), "unverifiable"),
        ("secret", json!(costly), "unverifiable"),
        ("secret", json!("secret"), "unverifiable"),
    ] {
        let body = json!({ "password": password, "hash": hash });
        let answer = ask(&node, "/caller/check", body.clone()).await;
        assert_eq!(answer["check"], expected, "{body}");
        let answer = ask(&node, "/caller/verify", body.clone()).await;
        let verified = ["right", "outdated"].contains(&expected);
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
