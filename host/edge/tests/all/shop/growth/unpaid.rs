//! Stock that unpaid orders hold.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::assert_code;
use crate::harness::Reply;
use crate::shop::{Shop, Shopper};

/// Products of the catalog: of the first there is a limited stock.
const COUNTED: i64 = 1;
const UNLIMITED: i64 = 2;

const STOCK: i64 = 1000;

/// How many orders and pieces of a customer may be unpaid, by default.
const ORDERS: usize = 10;
const PIECES: u64 = 100;

async fn limit_stock(shop: &Shop) {
    let set = format!("UPDATE product SET stock = {STOCK} WHERE product_id = {COUNTED}");
    shop.stores.database.execute(&set).await;
}

async fn in_stock(shop: &Shop) -> i64 {
    let stock = "SELECT CONCAT('', stock) FROM product WHERE product_id = 1";
    let stock = shop.stores.database.texts(stock).await;
    stock[0].parse().expect("a number")
}

async fn cart_of(shopper: &Shopper<'_>, product: i64, pieces: u64) -> String {
    let cart = shopper.new_cart().await;
    let items = shopper.add(&cart, product, "L").await;
    let path = format!("/shoppingcart/update/{}", items[0]["item_id"]);
    shopper.success(&shopper.put(&path, &json!({ "quantity": pieces })).await);
    cart
}

fn wish(cart: &str) -> Value {
    json!({ "cart_id": cart, "shipping_id": 1, "tax_id": 1 })
}

async fn order(shopper: &Shopper<'_>, product: i64, pieces: u64) -> Reply {
    let cart = cart_of(shopper, product, pieces).await;
    shopper.post("/orders", &wish(&cart)).await
}

#[track_caller]
fn assert_too_much(reply: &Reply) {
    assert_code(reply, 429, "ORD_09");
    assert!(reply.header("retry-after").is_some(), "{reply:?}");
}

#[tokio::test]
async fn no_customer_holds_all_of_the_stock() {
    for shop in Shop::both().await {
        limit_stock(&shop).await;
        let (greedy, other) = (shop.customer().await, shop.customer().await);
        let carts = join_all((0..20).map(|_| cart_of(&greedy, COUNTED, 60))).await;
        let wishes: Vec<_> = carts.iter().map(|cart| wish(cart)).collect();
        let replies = join_all(wishes.iter().map(|wish| greedy.post("/orders", wish))).await;
        let made = replies.iter().filter(|reply| reply.status == 200).count();
        assert_eq!(made, 1, "{replies:?}");
        for reply in replies.iter().filter(|reply| reply.status == 429) {
            assert_too_much(reply);
        }
        assert_eq!(in_stock(&shop).await, STOCK - 60);
        assert_too_much(&order(&greedy, COUNTED, 41).await);
        order(&greedy, COUNTED, 40).await.assert_status(200);
        assert_eq!(in_stock(&shop).await, STOCK - 100);
        // What nobody counts is nobody's to hold.
        order(&greedy, UNLIMITED, 999).await.assert_status(200);
        order(&other, COUNTED, PIECES).await.assert_status(200);
    }
}

#[tokio::test]
async fn an_order_that_holds_too_much_by_itself_is_refused() {
    for shop in Shop::both().await {
        limit_stock(&shop).await;
        let customer = shop.customer().await;
        assert_code(&order(&customer, COUNTED, PIECES + 1).await, 400, "ORD_05");
        assert_eq!(in_stock(&shop).await, STOCK);
        order(&customer, COUNTED, PIECES).await.assert_status(200);
    }
}

#[tokio::test]
async fn who_has_many_unpaid_orders_pays_first() {
    for shop in Shop::both().await {
        let customer = shop.customer().await;
        let mut carts = Vec::new();
        for _ in 0..ORDERS * 2 {
            carts.push(cart_of(&customer, UNLIMITED, 1).await);
        }
        let wishes: Vec<_> = carts.iter().map(|cart| wish(cart)).collect();
        let replies = join_all(wishes.iter().map(|wish| customer.post("/orders", wish))).await;
        let made: Vec<_> = replies.iter().filter(|reply| reply.status == 200).collect();
        assert_eq!(made.len(), ORDERS, "{replies:?}");
        let count = "SELECT CONCAT('', COUNT(*)) FROM orders WHERE status = 0";
        let count = shop.stores.database.texts(count).await;
        assert_eq!(count, [ORDERS.to_string()]);
        assert_too_much(&order(&customer, UNLIMITED, 1).await);

        let paid = made[0].json()["orderId"].as_i64().expect("an id");
        customer.charge(paid, "tok_visa").await.assert_status(200);
        order(&customer, UNLIMITED, 1).await.assert_status(200);
        assert_too_much(&order(&customer, UNLIMITED, 1).await);
    }
}

/// Who did not hear of an order asks for it again.
#[tokio::test]
async fn the_last_order_that_there_may_be_is_found_again() {
    for shop in Shop::both().await {
        let customer = shop.customer().await;
        let cart = cart_of(&customer, UNLIMITED, 1).await;
        let made = customer.order(&cart).await;
        for _ in 1..ORDERS {
            order(&customer, UNLIMITED, 1).await.assert_status(200);
        }
        // As if the cart had not been emptied yet: the same generation as before.
        let key = [("idempotency-key", "lost")];
        let reply = customer
            .ask_with(http::Method::POST, "/orders", &key, &wish(&cart))
            .await;
        assert_code(&reply, 400, "ORD_02");
        let again = cart_of(&customer, UNLIMITED, 1).await;
        let refused = customer
            .ask_with(
                http::Method::POST,
                "/orders",
                &[("idempotency-key", "new")],
                &wish(&again),
            )
            .await;
        assert_too_much(&refused);
        // The refusal is not kept: once there is room, the same request orders.
        customer.charge(made, "tok_visa").await.assert_status(200);
        let reply = customer
            .ask_with(
                http::Method::POST,
                "/orders",
                &[("idempotency-key", "new")],
                &wish(&again),
            )
            .await;
        reply.assert_status(200);
        assert_eq!(reply.header("idempotent-replayed"), None);
    }
}

#[tokio::test]
async fn operators_say_how_much_may_be_unpaid() {
    let more = |settings: &mut edge::config::Settings| {
        let config = &mut settings.plugin_config.0;
        config.insert("MAX_UNPAID_ORDERS".into(), "1".into());
        config.insert("MAX_UNPAID_PIECES".into(), "900".into());
    };
    for shop in Shop::both_with(more).await {
        limit_stock(&shop).await;
        let customer = shop.customer().await;
        order(&customer, COUNTED, 900).await.assert_status(200);
        assert_too_much(&order(&customer, UNLIMITED, 1).await);
    }
}

#[tokio::test]
async fn thirty_orders_a_minute_are_let_through_for_a_customer() {
    for shop in Shop::both().await {
        let (customer, other) = (shop.customer().await, shop.customer().await);
        for _ in 0..30 {
            assert_code(&customer.post("/orders", &json!({})).await, 400, "USR_02");
        }
        let reply = customer.post("/orders", &json!({})).await;
        reply.assert_refusal(429);
        assert_code(&other.post("/orders", &json!({})).await, 400, "USR_02");
    }
}
