//! Paths, methods, and what every reply carries.

use crate::harness::{TestNode, fixture};

#[tokio::test]
async fn t1() {
    let t = std::time::Instant::now();
    let node = TestNode::start(
        &[fixture("hello"), fixture("hostile"), fixture("ledger")],
        |_| {},
    )
    .await;
    eprintln!("start {:?}", t.elapsed());
    let reply = node.get("/hello").await;
    reply.assert_status(200);
    assert!(node.stop().await);
    eprintln!("all {:?}", t.elapsed());
}
