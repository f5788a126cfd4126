//! What belongs to others answers as if it were not there.

use serde_json::{Value, json};

use crate::harness::Reply;
use crate::shop::refusals::words::{EMPTY_CART, NO_ORDER};
use crate::shop::{Shop, Shopper};

/// No order has this number.
const MISSING: i64 = 999_999;

/// What an order of that number brings to somebody whose it is not.
async fn asked_for(stranger: &Shopper<'_>, order: i64, amount: u64) -> Vec<Reply> {
    let charge = json!({
        "stripeToken": "tok_visa", "order_id": order, "description": "Shirts", "amount": amount,
    });
    vec![
        stranger.get(&format!("/orders/{order}")).await,
        stranger.get(&format!("/orders/shortDetail/{order}")).await,
        stranger.post("/stripe/charge", &charge).await,
    ]
}

#[tokio::test]
async fn another_customers_order_is_no_order() {
    for shop in Shop::both().await {
        let (owner, stranger) = (shop.customer().await, shop.customer().await);
        let order = owner.order_of(1).await;
        let amount = owner.total(order).await;
        let others = asked_for(&stranger, order, amount).await;
        let missing = asked_for(&stranger, MISSING, amount).await;
        for (other, missing) in others.iter().zip(&missing) {
            NO_ORDER.assert(other, "another's");
            assert_eq!(other.body, missing.body);
        }
        let listed = stranger.success(&stranger.get("/orders/inCustomer").await);
        assert_eq!(listed, json!([]));
        let path = format!("/orders/shortDetail/{order}");
        let detail = owner.success(&owner.get(&path).await);
        assert_eq!(detail["status"], 0, "nobody has paid: {detail}");
    }
}

#[tokio::test]
async fn a_cart_that_another_has_ordered_is_empty() {
    for shop in Shop::both().await {
        let (owner, stranger) = (shop.customer().await, shop.customer().await);
        let cart = owner.new_cart().await;
        owner.add(&cart, 1, "L, Red").await;
        let order = owner.order(&cart).await;
        let wish = json!({ "cart_id": cart, "shipping_id": 1, "tax_id": 1 });
        EMPTY_CART.assert(&stranger.post("/orders", &wish).await, "another's");
        assert_eq!(
            owner.success(&owner.get("/orders/inCustomer").await)[0]["order_id"],
            order
        );
    }
}

/// Fields by which somebody might try to be, or to get, more.
fn greedy(mut fields: Value, victim: &Value) -> Value {
    for (name, value) in [
        ("customer_id", victim.clone()),
        ("role", json!("merchant")),
        ("is_admin", json!(true)),
        ("credit_card", json!("4111111111111111")),
        ("status", json!(1)),
        ("price", json!("0.01")),
        ("unit_cost", json!("0.01")),
        ("total_amount", json!("0.01")),
        ("reference", json!("ch_1")),
    ] {
        if fields.get(name).is_none() {
            fields[name] = value;
        }
    }
    fields
}

#[tokio::test]
async fn fields_that_nobody_asked_for_have_no_effect() {
    for shop in Shop::both().await {
        let victim = shop.customer().await;
        let before = victim.success(&victim.get("/customer").await);
        let id = &before["customer_id"];

        let mut stranger = shop.guest();
        let registration = json!({
            "name": "Eve", "email": stranger.email, "password": crate::shop::PASSWORD,
        });
        let reply = stranger.post("/customers", &greedy(registration, id)).await;
        assert_eq!(
            stranger.success(&reply)["customer"]["credit_card"],
            Value::Null
        );
        stranger.login().await;
        let profile = json!({ "name": "Eve", "email": stranger.email });
        let reply = stranger.put("/customer", &greedy(profile, id)).await;
        assert_eq!(stranger.success(&reply)["credit_card"], Value::Null);
        assert_eq!(stranger.get("/admin/orders").await.status, 403);
        assert_eq!(victim.success(&victim.get("/customer").await), before);

        let cart = stranger.new_cart().await;
        let addition = json!({ "cart_id": cart, "product_id": 1, "attributes": "L" });
        let reply = stranger
            .post("/shoppingcart/add", &greedy(addition, id))
            .await;
        let item = stranger.success(&reply)[0].clone();
        assert_ne!(item["price"], "0.01", "{item}");
        let wish = json!({ "cart_id": cart, "shipping_id": 1, "tax_id": 1 });
        let reply = stranger.post("/orders", &greedy(wish, id)).await;
        let order = stranger.success(&reply)["orderId"].clone();
        let path = format!("/orders/shortDetail/{order}");
        let detail = stranger.success(&stranger.get(&path).await);
        assert_eq!(detail["status"], 0, "{detail}");
        assert_eq!(detail["total_amount"], item["subtotal"], "{detail}");
        assert_eq!(
            victim.success(&victim.get("/orders/inCustomer").await),
            json!([])
        );
    }
}
