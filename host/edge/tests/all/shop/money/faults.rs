//! A Stripe that fails: whatever it did and said, in the end an order is paid
//! by one charge or by none.

use std::time::Duration;

use serde_json::json;
use tokio::sync::oneshot;

use super::{Checkout, ledger_audit, retries};
use crate::shop::Shopper;
use crate::shop::stripe::{Charge, Fault, Stripe, WEBHOOK_SECRET};

/// A product of the catalog.
const PRODUCT: i64 = 1;

/// Longer than it takes until Stripe's search finds a charge.
const SEARCHABLE: Duration = Duration::from_secs(600);

/// Longer than Stripe remembers an idempotency key.
const FORGOTTEN: Duration = Duration::from_secs(25 * 3600);

/// An order whose charge goes wrong in this way. The customer is told that the
/// outcome is not known.
async fn charged_with(checkout: &Checkout, customer: &Shopper<'_>, fault: Fault) -> i64 {
    let order = customer.order_of(PRODUCT).await;
    checkout.stripe.fail(order, fault);
    let reply = customer.charge(order, "tok_visa").await;
    assert_eq!(retries::code(&reply), "PAY_04", "{reply:?}");
    reply.assert_status(503);
    order
}

#[tokio::test]
async fn what_the_reply_did_not_say_is_found_out() {
    let shops = Checkout::both().await;
    let faults = || [Fault::Closed, Fault::Cut, Fault::Conflict, Fault::TooMany];
    for checkout in &shops {
        let customer = checkout.shop.customer().await;
        let mut orders = Vec::new();
        for fault in faults() {
            orders.push(charged_with(checkout, &customer, fault).await);
        }
        let books = checkout.settled_books().await;
        for order in orders {
            assert!(books.order(order).is_paid(), "{books:?}");
        }
    }
}

#[tokio::test]
async fn a_charge_that_outlives_its_request_is_found() {
    let shops = Checkout::both().await;
    let wait = async |checkout: &Checkout| {
        let customer = checkout.shop.customer().await;
        let (answer, held) = oneshot::channel();
        let order = charged_with(checkout, &customer, Fault::Held(held)).await;
        assert_eq!(checkout.stripe.captured(order).len(), 1);
        // The key is in use still.
        ledger_audit::make_due(checkout.database()).await;
        let again = customer.charge(order, "tok_visa").await;
        assert_ne!(again.status, 200, "{again:?}");
        answer.send(()).expect("Stripe waits");
        let books = checkout.settled_books().await;
        assert!(books.order(order).is_paid(), "{books:?}");
    };
    let [one, other] = &shops;
    tokio::join!(wait(one), wait(other));
}

#[tokio::test]
async fn an_error_that_stripe_repeats_is_seen_through() {
    for checkout in Checkout::both().await {
        let customer = checkout.shop.customer().await;
        let database = checkout.database();
        let charged = charged_with(&checkout, &customer, Fault::BrokenAfterCharging).await;
        let not_charged = charged_with(&checkout, &customer, Fault::Broken).await;
        ledger_audit::age(database, "payment_attempt", charged, SEARCHABLE).await;
        ledger_audit::age(database, "payment_attempt", not_charged, FORGOTTEN).await;
        let books = checkout.settled_books().await;
        assert!(books.order(charged).is_paid(), "{books:?}");
        assert!(!books.order(not_charged).is_paid(), "{books:?}");
        // Given up, the order is free for another attempt.
        customer
            .charge(not_charged, "tok_visa")
            .await
            .assert_status(200);
        let books = checkout.settled_books().await;
        assert!(books.order(not_charged).is_paid(), "{books:?}");
    }
}

#[tokio::test]
async fn a_declined_card_leaves_the_order_to_another() {
    for checkout in Checkout::both().await {
        let customer = checkout.shop.customer().await;
        let order = customer.order_of(PRODUCT).await;
        for token in ["tok_chargeDeclined", "tok_chargeDeclinedInsufficientFunds"] {
            let reply = customer.charge(order, token).await;
            reply.assert_status(402);
            assert_eq!(retries::code(&reply), "PAY_01", "{reply:?}");
        }
        let refused = customer.charge(order, "tok_nobody").await;
        assert_eq!(retries::code(&refused), "PAY_07", "{refused:?}");
        assert!(!checkout.settled_books().await.order(order).is_paid());
        let reply = customer.charge(order, "tok_visa").await;
        reply.assert_status(200);
        assert_eq!(reply.json()["id"], only_charge(&checkout.stripe, order).id);
        assert!(checkout.settled_books().await.order(order).is_paid());
    }
}

#[tokio::test]
async fn a_charge_of_another_amount_pays_nothing() {
    for checkout in Checkout::both().await {
        let (shop, stripe) = (&checkout.shop, &checkout.stripe);
        let customer = shop.customer().await;
        let order = customer.order_of(PRODUCT).await;
        stripe.fail(order, Fault::WrongAmount);
        for _ in 0..2 {
            let reply = customer.charge(order, "tok_visa").await;
            reply.assert_status(409);
            assert_eq!(retries::code(&reply), "PAY_08", "{reply:?}");
        }
        let wrong = only_charge(stripe, order);
        let books = ledger_audit::Books::settled(checkout.database()).await;
        assert!(!books.order(order).is_paid(), "{books:?}");

        // Somebody gives it back: then the order can be paid.
        let refunded = stripe.refund(&wrong.id);
        let event = stripe.event("charge.refunded", &refunded);
        let signature = event.signature(WEBHOOK_SECRET, 0);
        let told = super::webhooks::deliver(shop, &event, &signature).await;
        assert_eq!(told.json(), json!({ "received": true }));
        customer.charge(order, "tok_visa").await.assert_status(200);
        assert!(checkout.settled_books().await.order(order).is_paid());
    }
}

fn only_charge(stripe: &Stripe, order: i64) -> Charge {
    let [charge] = <[Charge; 1]>::try_from(stripe.captured(order)).expect("one charge");
    charge
}
