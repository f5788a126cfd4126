//! A plugin that does what it must not: the client is told as little as it
//! needs, and nobody else notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::harness::{TestNode, fixture, get, variant};

/// Each misdeed, and the status it ends with.
const MISDEEDS: [(&str, u16); 12] = [
    ("/hostile/trap", 500),
    ("/hostile/exit", 500),
    ("/hostile/memory", 500),
    ("/hostile/recurse", 500),
    ("/hostile/huge?bytes=8388608", 500),
    ("/hostile/bad-header", 500),
    ("/hostile/many-headers", 500),
    ("/hostile/long-failure", 500),
    ("/hostile/bad-status", 500),
    ("/hostile/bad-failure", 500),
    ("/hostile/spin", 504),
    ("/hostile/sleep?ms=60000", 504),
];

async fn node() -> TestNode {
    let hasty = variant("hostile", "[limits]\ncpu-time = '2s'\ndeadline = '4s'");
    TestNode::start(&[fixture("hello"), hasty], |_| {}).await
}

#[tokio::test]
async fn each_misdeed_ends_in_the_envelope_and_the_node_lives_on() {
    let node = node().await;
    for (target, status) in MISDEEDS {
        let reply = node.get(target).await;
        assert_eq!(reply.status, status, "{target}");
        reply.assert_refusal(status);
        assert_eq!(reply.header("edge-release"), Some("hostile@0.1.0"));
        let message = match status {
            504 => "The service took too long.",
            _ => "The service failed.",
        };
        assert_eq!(reply.json()["error"]["message"], message, "{target}");

        node.get("/hello").await.assert_status(200);
        node.get("/hostile/count").await.assert_status(200);
    }
}

#[tokio::test]
async fn a_header_is_never_smuggled_in() {
    let node = node().await;
    let reply = node.get("/hostile/bad-header").await;
    assert!(reply.header("x-smuggled").is_none(), "{reply:?}");
    assert!(reply.header("x-note").is_none(), "{reply:?}");
}

#[tokio::test]
async fn misdeeds_cost_only_the_requests_that_ask_for_them() {
    let node = node().await;
    let over = Arc::new(AtomicBool::new(false));
    let neighbours: Vec<_> = ["/hello", "/hostile/count"]
        .map(|target| {
            let (over, address) = (over.clone(), node.address());
            tokio::spawn(async move {
                let mut wire = crate::harness::Wire::connect(address).await;
                let mut answered = 0;
                while !over.load(Ordering::Relaxed) {
                    wire.send(get(target)).await;
                    wire.reply().await.assert_status(200);
                    answered += 1;
                }
                answered
            })
        })
        .into();
    let asking: Vec<_> = MISDEEDS
        .iter()
        .map(|&(target, status)| (node.spawn_get(target), status))
        .collect();
    for (reply, status) in asking {
        reply.await.expect("a reply").assert_refusal(status);
    }
    over.store(true, Ordering::Relaxed);
    for neighbour in neighbours {
        assert!(neighbour.await.expect("no failure") > 0);
    }
}

#[tokio::test]
async fn a_flood_of_log_lines_is_no_failure() {
    let node = node().await;
    node.get("/hostile/log?bytes=262144")
        .await
        .assert_status(200);
    node.get("/hello").await.assert_status(200);
}

#[tokio::test]
async fn a_reply_of_exactly_the_limit_is_sent() {
    const LIMIT: usize = 4 << 20;
    let node = node().await;
    let reply = node.get(&format!("/hostile/huge?bytes={LIMIT}")).await;
    reply.assert_status(200);
    assert_eq!(reply.body.len(), LIMIT);
    node.get(&format!("/hostile/huge?bytes={}", LIMIT + 1))
        .await
        .assert_refusal(500);
}

#[tokio::test]
async fn the_memory_limit_is_the_manifests() {
    let small = variant("hostile", "[limits]\nmemory = '8 MiB'\nresponse = '16 MiB'");
    let node = TestNode::start(&[small], |_| {}).await;
    node.get("/hostile/huge?bytes=1048576")
        .await
        .assert_status(200);
    node.get("/hostile/huge?bytes=12582912")
        .await
        .assert_refusal(500);
}
