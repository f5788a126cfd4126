//! API6:2023 Unrestricted Access to Sensitive Business Flows: steps come in
//! their order, each as often as it may, and programs that do what people do
//! meet a limit.
//!
//! Also: `shop/limits` (tries at one account, cards that are tried out,
//! charges), `shop/refusals` (full carts, 999 of an item, paid and cancelled
//! orders), `shop/money/races` (the last ten are sold ten times, one order is
//! charged once, one address has one customer). Here: steps out of their
//! order, repeated ones, and accounts made or tried by the dozen.

use std::time::Instant;

use serde_json::{Value, json};

use super::code;
use crate::harness::Reply;
use crate::shop::{PASSWORD, Shop, Shopper};

#[track_caller]
fn assert_code(reply: &Reply, expected: &str) {
    assert_eq!(code(reply), expected, "{reply:?}");
}

fn wish(cart: &str) -> Value {
    json!({ "cart_id": cart, "shipping_id": 1, "tax_id": 1 })
}

async fn set_status(merchant: &Shopper<'_>, order: i64, status: i64) -> Reply {
    let path = format!("/admin/orders/{order}");
    merchant.put(&path, &json!({ "status": status })).await
}

#[tokio::test]
async fn steps_out_of_their_order_are_refused() {
    for shop in Shop::both().await {
        let (customer, merchant) = (shop.customer().await, shop.merchant().await);
        let charge = json!({
            "stripeToken": "tok_visa", "order_id": 1, "description": "x", "amount": 1000,
        });
        // To pay before there is an order, and to order before there is a cart.
        assert_code(&customer.post("/stripe/charge", &charge).await, "ORD_01");
        let cart = customer.new_cart().await;
        assert_code(&customer.post("/orders", &wish(&cart)).await, "ORD_02");
        customer.add(&cart, 1, "L").await;
        customer.success(
            &customer
                .delete(&format!("/shoppingcart/empty/{cart}"))
                .await,
        );
        assert_code(&customer.post("/orders", &wish(&cart)).await, "ORD_02");

        let order = customer.order_of(1).await;
        // To ship and to give back what nobody has paid, or to call it paid.
        for status in [1, 3, 4] {
            assert_code(&set_status(&merchant, order, status).await, "ORD_06");
        }
        customer.success(&customer.charge(order, "tok_visa").await);
        assert_code(&set_status(&merchant, order, 0).await, "ORD_06");
        merchant.success(&set_status(&merchant, order, 3).await);
        for status in [0, 1, 2] {
            assert_code(&set_status(&merchant, order, status).await, "ORD_06");
        }
    }
}

#[tokio::test]
async fn a_step_that_is_done_is_not_done_again() {
    for shop in Shop::both().await {
        let customer = shop.customer().await;
        let cart = customer.new_cart().await;
        customer.add(&cart, 1, "L").await;
        let order = customer.order(&cart).await;
        assert_code(&customer.post("/orders", &wish(&cart)).await, "ORD_02");
        customer.success(&customer.charge(order, "tok_visa").await);
        assert_code(&customer.charge(order, "tok_visa").await, "PAY_03");
        assert_code(&customer.charge(order, "tok_mastercard").await, "PAY_03");
        let listed = customer.success(&customer.get("/orders/inCustomer").await);
        assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    }
}

/// Do it until it is too much: after `quota` times and what a minute's share of
/// them gives back meanwhile, give or take one.
async fn exhaust(
    guest: &Shopper<'_>,
    path: &str,
    bodies: impl Iterator<Item = Value>,
    quota: usize,
) {
    let began = Instant::now();
    let mut passed = 0;
    for body in bodies {
        if guest.post(path, &body).await.status == 429 {
            break;
        }
        passed += 1;
        let most = quota as f64 * (1.0 + began.elapsed().as_secs_f64() / 60.0) + 1.0;
        assert!(passed as f64 <= most, "{path}: {passed} have passed");
    }
    assert!(passed >= quota, "{path}: only {passed} have passed");
}

#[tokio::test]
async fn an_address_makes_sixty_accounts_a_minute() {
    for shop in Shop::both().await {
        let guest = shop.guest();
        // One address of mail, so that only the first one makes an account.
        let account = json!({ "name": "Bot", "email": guest.email, "password": PASSWORD });
        exhaust(&guest, "/customers", std::iter::repeat(account), 60).await;
    }
}

#[tokio::test]
async fn an_address_tries_sixty_accounts_a_minute() {
    for shop in Shop::both().await {
        let guest = shop.guest();
        // Without a password: refused before any work, and counted for all that.
        let logins = (0..).map(|number| json!({ "email": format!("{number}@example.com") }));
        exhaust(&guest, "/customers/login", logins, 60).await;
        // Who else looks at the shop from there is not kept from it.
        guest.success(&guest.get("/products?limit=1").await);
    }
}
