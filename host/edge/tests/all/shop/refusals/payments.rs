//! Refusals of payments.

use serde_json::{Value, json};

use super::words::*;
use super::{Case, Group};
use crate::shop::Shop;

/// A charge with some fields other than those of a sound one.
fn charge(order: i64, amount: u64, others: &Value) -> Value {
    let mut charge = json!({
        "stripeToken": "tok_visa", "order_id": order, "description": "Shirts", "amount": amount,
    });
    for (name, value) in others.as_object().expect("an object") {
        charge[name] = value.clone();
    }
    charge
}

/// Charges that are not made.
pub async fn charging(shop: &Shop) -> Group<'_> {
    let customer = shop.customer().await;
    let order = customer.order_of(1).await;
    let amount = customer.total(order).await;
    let paid = customer.order_of(1).await;
    customer.success(&customer.charge(paid, "tok_visa").await);
    let cancelled = customer.order_of(1).await;
    let merchant = shop.merchant().await;
    let cancel = json!({ "status": 2 });
    let reply = merchant
        .put(&format!("/admin/orders/{cancelled}"), &cancel)
        .await;
    merchant.success(&reply);

    let of_order = |others: Value| charge(order, amount, &others);
    let token = |token: &str| of_order(json!({ "stripeToken": token }));
    let all = "stripeToken,order_id,description,amount";
    let long = too_long("description", "this is too long description.");
    let cases = [
        (json!({}), MISSING.of(all)),
        (
            of_order(json!({ "order_id": "x" })),
            BAD_VALUE.of("order_id"),
        ),
        (of_order(json!({ "amount": -1 })), BAD_VALUE.of("amount")),
        (of_order(json!({ "description": "x".repeat(501) })), long),
        (charge(999_999, amount, &json!({})), NO_ORDER),
        (charge(order, amount + 1, &json!({})), MISMATCH.of("amount")),
        (
            of_order(json!({ "currency": "eur" })),
            MISMATCH.of("currency"),
        ),
        (token("tok_nobody"), NOT_ACCEPTED),
        (token("tok_chargeDeclined"), DECLINED),
        (charge(paid, amount, &json!({})), PAID),
        (charge(cancelled, amount, &json!({})), CLOSED),
    ];
    let cases = cases.into_iter();
    let cases = cases
        .map(|(fields, refusal)| Case::post("/stripe/charge", fields, refusal))
        .collect();
    (customer, cases)
}

/// What merchants and Stripe are refused.
pub async fn managing(shop: &Shop) -> Group<'_> {
    let cases = vec![
        Case::get("/admin/payments?page=x", BAD_PAGE.of("page")),
        Case::get("/admin/payments?limit=0", BAD_PAGE.of("limit")),
        Case::post("/stripe/webhooks", json!({ "id": "evt_1" }), NO_WEBHOOKS),
    ];
    (shop.merchant().await, cases)
}
