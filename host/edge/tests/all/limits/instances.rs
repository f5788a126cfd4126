//! How many instances there are, what they remember, and who waits for them.

use std::time::Duration;

use crate::harness::{TestNode, variant};

/// A node with one hostile plugin, its manifest changed.
async fn node(changes: &str) -> TestNode {
    TestNode::start(&[variant("hostile", changes)], |_| {}).await
}

/// What the plugin's instances have counted, request after request.
async fn counts(node: &TestNode, requests: usize) -> Vec<u32> {
    let mut counts = Vec::new();
    for _ in 0..requests {
        let reply = node.get("/hostile/count").await;
        reply.assert_status(200);
        counts.push(reply.text().parse().expect("a number"));
    }
    counts
}

#[tokio::test]
async fn a_pooled_instance_remembers() {
    let node = node("[limits]\ninstances = 1").await;
    assert_eq!(counts(&node, 4).await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_fresh_instance_knows_nothing() {
    let node = node("isolation = 'request'\n[limits]\ninstances = 1").await;
    assert_eq!(counts(&node, 4).await, [1, 1, 1, 1]);
}

#[tokio::test]
async fn an_instance_is_replaced_after_its_share_of_requests() {
    let node = node("[limits]\ninstances = 1\nrequests-per-instance = 3").await;
    assert_eq!(counts(&node, 7).await, [1, 2, 3, 1, 2, 3, 1]);
}

#[tokio::test]
async fn an_instance_that_failed_is_never_used_again() {
    let node = node("[limits]\ninstances = 1\ndeadline = '1s'").await;
    let failures = ["trap", "exit", "memory", "recurse", "spin", "sleep?ms=9000"];
    for failure in failures {
        assert_eq!(counts(&node, 2).await, [1, 2], "before {failure}");
        let reply = node.get(&format!("/hostile/{failure}")).await;
        assert!(reply.status >= 500, "{failure}: {reply:?}");
    }
    assert_eq!(counts(&node, 2).await, [1, 2]);
}

#[tokio::test]
async fn a_request_waits_for_a_busy_instance_only_so_long() {
    let one = variant("hostile", "[limits]\ninstances = 1");
    let node = TestNode::start(&[one], |settings| {
        settings.queue_timeout = Duration::from_millis(50);
    })
    .await;
    let busy = node.spawn_get("/hostile/sleep?ms=1500");
    let refused = node.until_status("/hostile/count", 503).await;
    refused.assert_refusal(503);
    assert_eq!(refused.header("retry-after"), Some("1"));
    busy.await.expect("a reply").assert_status(200);
    node.get("/hostile/count").await.assert_status(200);
}

#[tokio::test]
async fn a_request_that_waits_is_answered_when_its_turn_comes() {
    let one = variant("hostile", "[limits]\ninstances = 1");
    let node = TestNode::start(&[one], |settings| {
        settings.queue_timeout = Duration::from_secs(20);
    })
    .await;
    let asking: Vec<_> = (0..8)
        .map(|_| node.spawn_get("/hostile/sleep?ms=100"))
        .collect();
    for reply in asking {
        reply.await.expect("a reply").assert_status(200);
    }
}

#[tokio::test]
async fn waiting_takes_no_longer_than_the_deadline() {
    let one = variant("hostile", "[limits]\ninstances = 1\ndeadline = '600ms'");
    let node = TestNode::start(&[one], |settings| {
        settings.queue_timeout = Duration::from_secs(20);
    })
    .await;
    let asking: Vec<_> = (0..6)
        .map(|_| node.spawn_get("/hostile/sleep?ms=400"))
        .collect();
    let mut statuses = Vec::new();
    for reply in asking {
        statuses.push(reply.await.expect("a reply").status);
    }
    // The first has the time it needs; the last has none when its turn comes.
    assert!(statuses.contains(&200), "{statuses:?}");
    assert!(
        statuses.iter().any(|status| [503, 504].contains(status)),
        "{statuses:?}"
    );
    assert!(
        statuses
            .iter()
            .all(|status| [200, 503, 504].contains(status)),
        "{statuses:?}"
    );
}

#[tokio::test]
async fn a_crowd_is_answered_or_sent_away_and_nothing_else() {
    for isolation in ["pooled", "request"] {
        let node = node(&format!(
            "isolation = '{isolation}'\n[limits]\ninstances = 4"
        ))
        .await;
        let asking: Vec<_> = (0..200)
            .map(|_| node.spawn_get("/hostile/sleep?ms=20"))
            .collect();
        let mut answered = 0;
        for reply in asking {
            let reply = reply.await.expect("a reply");
            match reply.status {
                200 => answered += 1,
                _ => {
                    reply.assert_refusal(503);
                    assert_eq!(reply.header("retry-after"), Some("1"));
                }
            }
        }
        assert!(answered >= 4, "{answered} of 200");
        node.get("/hostile/count").await.assert_status(200);
    }
}
