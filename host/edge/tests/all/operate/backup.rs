//! A shop that is lost but for a dump of its database and its secret.

use serde_json::json;
use test_servers::{MariaDb, Redis};

use super::estate::{Estate, Member};
use crate::harness::{data_folder, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_comes_back_from_a_dump_and_its_secret() {
    let email = "restored@example.com";
    let mut lost = MariaDb::start().expect("MariaDB");
    let database = lost.database();
    let estate = Estate::at(database.clone(), Redis::shared().database());
    let node = estate.join(&[]).await;
    let token = node.register(email).await;
    let paid = node.order(&token).await;
    let unpaid = node.order(&token).await;
    pay(&node, paid, &token).await;
    let releases = node.operator().get("/v1/plugins/order/releases").await;

    // The node serves while the dump is made, and then everything is gone.
    let dump = lost.dump(&database);
    drop(node);
    lost.stop().expect("it runs");

    let new = MariaDb::start().expect("MariaDB");
    let database = new.database();
    new.load(&database, &dump);
    let estate = Estate::at(database, Redis::shared().database());
    // What serves is in the dump too. The folder has nothing but compiled code.
    let serve = [("EDGE_PLUGINS", "none"), ("UNPAID_ORDER_MINUTES", "1000")];
    let node = estate.serve_in(data_folder(), &serve).await;
    assert_eq!(node.status_of(paid, &token).await, 1);
    assert_eq!(node.status_of(unpaid, &token).await, 0);
    let again = node.operator().get("/v1/plugins/order/releases").await;
    assert_eq!(again["bundles"], releases["bundles"]);
    let next = node.order(&node.login(email).await).await;
    assert!(next > unpaid, "{next}");
    // What was not paid before is paid now.
    pay(&node, unpaid, &token).await;
    eventually("the order is paid", async || {
        (node.status_of(unpaid, &token).await == 1).then_some(())
    })
    .await;
}

/// Pay what an order comes to.
async fn pay(node: &Member, order: i64, token: &str) {
    let detail = node
        .get(&format!("/orders/shortDetail/{order}"), token)
        .await;
    let amount = detail["total_amount"].as_str().expect("an amount");
    let cents: u64 = amount.replace('.', "").parse().expect("cents");
    let charge = json!({
        "stripeToken": "tok_visa", "order_id": order, "description": "An order", "amount": cents,
    });
    node.post("/stripe/charge", token, charge).await;
}
