//! API10:2023 Unsafe Consumption of APIs: what Stripe and Facebook answer is
//! checked like anything else that comes from outside.
//!
//! Also: `shop/money/faults` (answers of Stripe that break off, are of another
//! amount, or come too late), `shop/money/webhooks` (events that nobody has
//! signed), `shop/facebook` (tokens of other apps, profiles that are none),
//! `outbound/failures` (servers that are silent, endless or speak no HTTP).
//! Here: answers that parse, and are nonsense; and what a client writes that
//! is sent on.

use serde_json::json;

use super::code;
use crate::catalog::database::Store;
use crate::shop::stripe::{Fault, Stripe};
use crate::shop::{Shop, Shopper, Stores};

async fn shop(store: Store, stripe: &Stripe) -> Shop {
    Shop::open(Stores::new(store).into(), |settings| {
        settings.plugin_config.0.extend(stripe.settings());
    })
    .await
}

/// Answers with the status of a success, none of which is a charge.
fn nonsense() -> Vec<String> {
    vec![
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        "true".to_owned(),
        "<html><h1>Welcome to nginx!</h1></html>".to_owned(),
        "[".repeat(100_000),
        r#"{"id":"#.repeat(10_000),
        r#"{"id": 7, "paid": "yes", "amount": "1695", "currency": 1}"#.to_owned(),
        r#"{"id": "ch_1", "object": "charge", "paid": true}"#.to_owned(),
        r#"{"id": "ch_1", "paid": true, "amount": -1695, "currency": "usd"}"#.to_owned(),
        r#"{"id": "ch_1", "paid": true, "amount": 1e400, "currency": "usd"}"#.to_owned(),
        format!(r#"{{"id": "ch_1", "padding": "{}"}}"#, "x".repeat(9 << 20)),
    ]
}

#[tokio::test]
async fn an_answer_that_is_no_charge_pays_nothing() {
    for store in Store::ALL {
        let stripe = Stripe::start();
        let shop = shop(store, &stripe).await;
        for answer in nonsense() {
            // Another each time: who fails to pay too often has to wait.
            let customer = shop.customer().await;
            let order = customer.order_of(1).await;
            let shown: String = answer.chars().take(80).collect();
            stripe.fail(order, Fault::Says(answer));
            let reply = customer.charge(order, "tok_visa").await;
            assert_eq!(reply.status, 503, "{shown}: {reply:?}");
            assert_eq!(code(&reply), "PAY_04", "{shown}: {reply:?}");
            assert!(reply.header("retry-after").is_some(), "{shown}: {reply:?}");
            let path = format!("/orders/shortDetail/{order}");
            let detail = customer.success(&customer.get(&path).await);
            assert_eq!(detail["status"], 0, "{shown}: {detail}");
        }
        assert_eq!(stripe.complaints(), Vec::<String>::new());
    }
}

/// Texts that would be more than a text in a form, a header or a query.
const WRITTEN: [&str; 8] = [
    "x&amount=1&currency=usd",
    "x&metadata[order_id]=999",
    "x\r\nidempotency-key: other\r\n\r\n",
    "x&capture=false",
    "x%26amount%3D1",
    "x' OR metadata['order_id']:'1",
    "ü\u{202e}\u{0}&=+%",
    "x;amount=1",
];

async fn charge(customer: &Shopper<'_>, order: i64, token: &str, description: &str) -> u16 {
    let fields = json!({
        "stripeToken": token, "order_id": order, "description": description,
        "amount": customer.total(order).await,
    });
    customer.post("/stripe/charge", &fields).await.status
}

#[tokio::test]
async fn what_a_client_writes_is_only_what_it_wrote() {
    for store in Store::ALL {
        let stripe = Stripe::start();
        let shop = shop(store, &stripe).await;
        for text in WRITTEN {
            let customer = shop.customer().await;
            let order = customer.order_of(1).await;
            let total = customer.total(order).await;
            let status = charge(&customer, order, text, "x").await;
            assert_eq!(status, 400, "no such card: {text}");
            assert_eq!(stripe.captured(order).len(), 0, "{text}");

            let status = charge(&customer, order, "tok_visa", text).await;
            if status == 200 {
                let charges = stripe.captured(order);
                assert_eq!(charges.len(), 1, "{text}");
                assert_eq!(charges[0].amount, total, "{text}");
                assert_eq!(charges[0].description, text);
            } else {
                assert_eq!(status, 400, "{text}");
                assert_eq!(stripe.captured(order).len(), 0, "{text}");
            }
        }
        assert_eq!(stripe.complaints(), Vec::<String>::new());
    }
}
