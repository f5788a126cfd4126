//! Refusals of carts.

use serde_json::{Value, json};

use super::words::*;
use super::{Case, Group};
use crate::shop::Shop;

/// An id that no cart can have, and an item that is in none.
const NO_CART_ID: &str = "carts:aaaaaaaaaaaaaaaaaa";
const NO_ITEM_ID: u64 = 7;

/// Carts and their items.
pub async fn cases(shop: &Shop) -> Group<'_> {
    let guest = shop.guest();
    let cart = guest.new_cart().await;
    let full = guest.new_cart().await;
    for number in 0..100 {
        guest.add(&full, 1, &format!("Number {number}")).await;
    }
    let many = guest.add(&cart, 1, "L, Red").await;
    let item = &many[0]["item_id"];
    let most = json!({ "quantity": 999 });
    guest.success(
        &guest
            .put(&format!("/shoppingcart/update/{item}"), &most)
            .await,
    );

    let addition = |cart: &str, product: Value, attributes: &str| json!({ "cart_id": cart, "product_id": product, "attributes": attributes });
    let long = too_long("attributes", "this is too long attributes.");
    let additions = [
        (json!({}), MISSING.of("cart_id,product_id,attributes")),
        (addition(NO_CART_ID, json!(1), "L"), NO_CART),
        (
            addition(&cart, json!(999_999), "L"),
            NO_PRODUCT.of("product_id"),
        ),
        (
            addition(&cart, json!("one"), "L"),
            BAD_VALUE.of("product_id"),
        ),
        (addition(&cart, json!(1), &"x".repeat(1001)), long),
        (addition(&full, json!(1), "One more"), FULL),
        (addition(&cart, json!(1), "L, Red"), TOO_MANY),
    ];
    let additions = additions.into_iter();
    let mut cases: Vec<_> = additions
        .map(|(fields, refusal)| Case::post("/shoppingcart/add", fields, refusal))
        .collect();
    cases.extend(of_no_cart());
    cases.extend(of_items(&item.to_string()));
    (guest, cases)
}

fn of_no_cart() -> Vec<Case> {
    vec![
        Case::get(format!("/shoppingcart/{NO_CART_ID}"), NO_CART),
        Case::get(format!("/shoppingcart/getSaved/{NO_CART_ID}"), NO_CART),
        Case::get(format!("/shoppingcart/totalAmount/{NO_CART_ID}"), NO_CART),
        Case::delete(format!("/shoppingcart/empty/{NO_CART_ID}"), NO_CART),
    ]
}

fn of_items(item: &str) -> Vec<Case> {
    let update = |item: &str| format!("/shoppingcart/update/{item}");
    let quantity = |quantity: Value| json!({ "quantity": quantity });
    let mut cases = vec![
        Case::put(update(item), json!({}), MISSING.of("quantity")),
        Case::put(update(item), quantity(json!(1000)), BAD_QUANTITY),
        Case::put(update(item), quantity(json!(-1)), BAD_QUANTITY),
        Case::put(update(item), quantity(json!("1e-2")), BAD_QUANTITY),
    ];
    for (id, refusal) in [
        ("x".to_owned(), BAD_ID.of("item_id")),
        (NO_ITEM_ID.to_string(), NO_ITEM),
    ] {
        let remove = format!("/shoppingcart/removeProduct/{id}");
        cases.push(Case::put(update(&id), quantity(json!(1)), refusal));
        cases.push(Case::delete(remove, refusal));
        for action in ["saveForLater", "moveToCart"] {
            cases.push(Case::get(format!("/shoppingcart/{action}/{id}"), refusal));
        }
    }
    cases
}
