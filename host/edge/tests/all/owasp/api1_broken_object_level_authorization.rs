//! API1:2023 Broken Object Level Authorization: what belongs to somebody is
//! for nobody else, whatever its number.
//!
//! Also: `shop/authorization/others` (another's order, and a cart that another
//! has ordered), `shop/authorization` (no route without a sound token),
//! `edge/hostile` (cart ids that reach past their cart). Here: every
//! documented route that names an order, items next to one that is known, and
//! another's idempotency key.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use super::{assert_clients_fault, is_for_everybody, method};
use crate::harness::{Operation, Reply};
use crate::shop::documents::Documents;
use crate::shop::{Shop, Shopper};

const ORDER: &str = "{order_id}";

/// Orders that are not there.
const MISSING: [i64; 2] = [999_999, i64::MAX];

/// Item ids have 53 bits.
const ITEM_BITS: u32 = 53;

/// What a reply tells: its status, its body, and which fields it has.
fn told(reply: &Reply) -> (u16, String, BTreeSet<String>) {
    let fields = reply.headers.keys().map(|name| name.as_str().to_owned());
    (reply.status, reply.text().to_owned(), fields.collect())
}

async fn ask(shopper: &Shopper<'_>, operation: Operation<'_>, order: i64) -> Reply {
    let path = operation.template.replace(ORDER, &order.to_string());
    shopper.ask(method(operation), &path, &Value::Null).await
}

#[tokio::test]
async fn every_route_of_an_order_answers_a_stranger_as_if_there_were_none() {
    let documents = Documents::read();
    let of_orders: Vec<_> = documents
        .operations()
        .filter(|operation| operation.template.contains(ORDER))
        .collect();
    let shoppers: Vec<_> = of_orders
        .iter()
        .filter(|one| is_for_everybody(one))
        .collect();
    assert!(shoppers.len() >= 2, "{shoppers:?}");
    for shop in Shop::both().await {
        let (owner, stranger) = (shop.customer().await, shop.customer().await);
        let order = owner.order_of(1).await;
        let path = format!("/orders/shortDetail/{order}");
        let before = owner.success(&owner.get(&path).await);
        for operation in &shoppers {
            let others = told(&ask(&stranger, **operation, order).await);
            for missing in MISSING {
                let none = told(&ask(&stranger, **operation, missing).await);
                assert_eq!(others, none, "{:?}: {operation:?}", shop.store());
            }
            assert_eq!(others.0, 404, "{:?}: {operation:?}", shop.store());
            owner.success(&ask(&owner, **operation, order).await);
        }
        for operation in of_orders.iter().filter(|one| !is_for_everybody(one)) {
            // What merchants may do, the owner may not either.
            for shopper in [&owner, &stranger] {
                ask(shopper, *operation, order).await.assert_status(403);
            }
        }
        assert_eq!(owner.success(&owner.get(&path).await), before);
    }
}

/// Ids that somebody would try who knows one.
fn neighbours(item: u64) -> Vec<u64> {
    let near = (1..=8).flat_map(|step| [item.wrapping_sub(step), item + step]);
    let flipped = (0..ITEM_BITS).map(|bit| item ^ (1 << bit));
    near.chain(flipped).collect()
}

#[tokio::test]
async fn no_item_is_found_from_another() {
    for shop in Shop::both().await {
        let guest = shop.guest();
        let cart = guest.new_cart().await;
        guest.add(&cart, 1, "L, Red").await;
        let before = guest.add(&cart, 2, "S, Blue").await;
        let items: Vec<_> = before.as_array().expect("items").iter().collect();
        let ids: BTreeSet<_> = items
            .iter()
            .map(|item| item["item_id"].as_u64().expect("an id"))
            .collect();
        assert_eq!(ids.len(), 2);
        for id in &ids {
            for neighbour in neighbours(*id) {
                let path = format!("/shoppingcart/removeProduct/{neighbour}");
                let reply = guest.delete(&path).await;
                assert_clients_fault(&reply, &path);
            }
        }
        let after = guest.success(&guest.get(&format!("/shoppingcart/{cart}")).await);
        assert_eq!(after, before, "{:?}", shop.store());
    }
}

#[tokio::test]
async fn an_idempotency_key_brings_back_nobody_elses_order() {
    for shop in Shop::both().await {
        let (owner, stranger) = (shop.customer().await, shop.customer().await);
        let cart = owner.new_cart().await;
        owner.add(&cart, 1, "L, Red").await;
        let wish = json!({ "cart_id": cart, "shipping_id": 1, "tax_id": 1 });
        let key = [("idempotency-key", "the same for both")];
        let first = owner.ask_with(Method::POST, "/orders", &key, &wish).await;
        let order = owner.success(&first);
        let again = owner.ask_with(Method::POST, "/orders", &key, &wish).await;
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!(owner.success(&again), order);

        let reply = stranger
            .ask_with(Method::POST, "/orders", &key, &wish)
            .await;
        assert_eq!(reply.header("idempotent-replayed"), None, "{reply:?}");
        reply.assert_status(400);
        let listed = stranger.success(&stranger.get("/orders/inCustomer").await);
        assert_eq!(listed, json!([]));
    }
}
