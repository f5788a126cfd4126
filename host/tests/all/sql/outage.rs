//! A database that is gone for a while.

use serde_json::json;

use super::Ledger;
use crate::harness::{TestNode, eventually, fixture};
use crate::servers::MariaDb;

#[tokio::test]
async fn a_database_that_comes_back_is_used_again() {
    let mut server = MariaDb::start().expect("a server of one's own");
    let url = server.database();
    let plugins = [fixture("hello"), fixture("ledger")];
    let node = TestNode::start(&plugins, |settings| settings.database_url = url).await;
    let ledger = Ledger { node };
    ledger.add("before", json!({})).await.assert_status(200);

    server.stop().expect("it stops");
    for _ in 0..3 {
        let reply = ledger.node.get("/ledger/entries").await;
        reply.assert_refusal(503);
        assert_eq!(reply.header("retry-after"), Some("1"));
        ledger.add("lost", json!({})).await.assert_refusal(503);
        ledger.node.get("/hello").await.assert_status(200);
    }

    server.restart().expect("it starts again");
    eventually("an answer", async || {
        (ledger.add("after", json!({})).await.status == 200).then_some(())
    })
    .await;
    assert_eq!(ledger.names().await, ["before", "after"]);
}
