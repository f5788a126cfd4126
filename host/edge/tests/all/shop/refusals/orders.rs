//! Refusals of orders, to customers and to merchants.

use serde_json::{Value, json};

use super::words::*;
use super::{Case, Group};
use crate::shop::{Shop, Shopper};

/// Cart ids that nobody uses.
const UNUSED: &str = "aaaaaaaaaaaaaaaaaaaaaaaa";

fn wish(cart: &str, shipping: i64, tax: i64) -> Value {
    json!({ "cart_id": cart, "shipping_id": shipping, "tax_id": tax })
}

/// Orders that are not there.
pub async fn reading(shop: &Shop) -> Group<'_> {
    let cases = vec![
        Case::get("/orders/0", BAD_ID.of("order_id")),
        Case::get("/orders/999999", NO_ORDER),
        Case::get("/orders/inCustomer?page=0", BAD_PAGE.of("page")),
        Case::get("/orders/shortDetail/1.5", BAD_ID.of("order_id")),
        Case::get("/orders/shortDetail/999999", NO_ORDER),
    ];
    (shop.customer().await, cases)
}

/// Carts that no order can be made of.
pub async fn placing(shop: &Shop) -> Group<'_> {
    let (customer, merchant) = (shop.customer().await, shop.merchant().await);
    let cart = cart_of(&customer, 1).await;
    let last = cart_of(&customer, new_product(&merchant, "16.95", 0).await).await;
    let dear = cart_of(&customer, new_product(&merchant, "99999999.99", 1000).await).await;
    customer.add(&dear, 1, "L").await;
    let gone = new_product(&merchant, "16.95", 1).await;
    let emptied = cart_of(&customer, gone).await;
    let deleted = merchant.delete(&format!("/admin/products/{gone}")).await;
    merchant.success(&deleted);
    let all = "cart_id,shipping_id,tax_id";
    let cases = [
        (json!({}), MISSING.of(all)),
        (wish("x", 1, 1), NO_CART),
        (wish(&cart, 999_999, 1), NO_SHIPPING),
        (wish(&cart, 1, 999_999), NO_TAX),
        (wish(UNUSED, 1, 1), EMPTY_CART),
        (wish(&last, 1, 1), SOLD_OUT),
        (wish(&emptied, 1, 1), GONE),
        (wish(&emptied, 1, 1), EMPTY_CART),
        (wish(&dear, 1, 1), TOO_LARGE),
    ];
    let cases = cases.into_iter();
    let cases = cases
        .map(|(fields, refusal)| Case::post("/orders", fields, refusal))
        .collect();
    (customer, cases)
}

/// Idempotency keys that do not fit.
pub async fn keys(shop: &Shop) -> Group<'_> {
    let customer = shop.customer().await;
    let cases = vec![
        Case::post("/orders", wish(UNUSED, 1, 1), EMPTY_CART).with("idempotency-key", "a key"),
        Case::post("/orders", wish(UNUSED, 2, 1), OTHER_BODY).with("idempotency-key", "a key"),
        Case::post("/orders", wish(UNUSED, 1, 1), BAD_KEY).with("idempotency-key", "x".repeat(256)),
    ];
    (customer, cases)
}

/// What merchants may not do with orders.
pub async fn managing(shop: &Shop) -> Group<'_> {
    let order = shop.customer().await.order_of(1).await;
    let path = format!("/admin/orders/{order}");
    let status = |status: Value| json!({ "status": status });
    let cases = vec![
        Case::get("/admin/orders?page=0", BAD_PAGE.of("page")),
        Case::get("/admin/orders?status=5", BAD_STATUS),
        Case::get("/admin/orders/x", BAD_ID.of("order_id")),
        Case::get("/admin/orders/999999", NO_ORDER),
        Case::put("/admin/orders/x", status(json!(3)), BAD_ID.of("order_id")),
        Case::put("/admin/orders/999999", status(json!(3)), NO_ORDER),
        Case::put(&path, json!({}), MISSING.of("status")),
        Case::put(&path, status(json!("paid")), BAD_STATUS),
        Case::put(&path, status(json!(3)), NOT_TO_BE_SHIPPED),
    ];
    (shop.merchant().await, cases)
}

/// A new cart with one piece of a product.
async fn cart_of(customer: &Shopper<'_>, product: i64) -> String {
    let cart = customer.new_cart().await;
    customer.add(&cart, product, "L, Red").await;
    cart
}

/// A new product, of which there are so many. Returns its id.
async fn new_product(merchant: &Shopper<'_>, price: &str, stock: u32) -> i64 {
    let product = json!({
        "name": "The last shirt", "description": "It has no pockets.", "price": price,
        "stock": stock,
    });
    let made = merchant.success(&merchant.post("/admin/products", &product).await);
    made["product_id"].as_i64().expect("an id")
}
