//! Stripe's events: signed or not, early or late, again and again.

use futures_util::future::join_all;
use http::Request;
use tokio::sync::oneshot;

use super::{Checkout, retries};
use crate::harness::{Reply, eventually};
use crate::shop::Shop;
use crate::shop::stripe::{Charge, Event, Fault, WEBHOOK_SECRET};

/// A product of the catalog.
const PRODUCT: i64 = 1;

/// Send an event, once.
pub async fn deliver(shop: &Shop, event: &Event, signature: &str) -> Reply {
    let request = Request::post(shop.node.url("/stripe/webhooks"))
        .header("content-type", "application/json")
        .header("stripe-signature", signature);
    shop.node.send(request, event.body.clone()).await
}

/// Send an event until the shop takes it, as Stripe does.
async fn deliver_until_taken(shop: &Shop, event: &Event) {
    eventually("an event is taken", async || {
        let signature = event.signature(WEBHOOK_SECRET, 0);
        let reply = deliver(shop, event, &signature).await;
        let is_final = reply.status == 200 || !retries::is_temporary(&reply);
        is_final.then(|| reply.assert_status(200))
    })
    .await;
}

/// The charge of an order, once Stripe has made it.
async fn charge_of(checkout: &Checkout, order: i64) -> Charge {
    eventually("a charge", async || checkout.stripe.captured(order).pop()).await
}

/// How often the shop has noted that an order was paid, and written to its
/// customer.
async fn effects(checkout: &Checkout, order: i64) -> [String; 2] {
    let count = async |rows: &str| {
        let query = format!("SELECT CONCAT('', COUNT(*)) FROM {rows} AND order_id = {order}");
        checkout.database().texts(&query).await.swap_remove(0)
    };
    [
        count("audit WHERE code = 1").await,
        count("mail_outbox WHERE 1 = 1").await,
    ]
}

#[tokio::test]
async fn events_before_the_reply_have_their_effect_once() {
    for checkout in Checkout::both().await {
        let (shop, stripe) = (&checkout.shop, &checkout.stripe);
        let customer = shop.customer().await;
        let order = customer.order_of(PRODUCT).await;
        let (answer, held) = oneshot::channel();
        stripe.fail(order, Fault::Held(held));
        let events = async {
            let charge = charge_of(&checkout, order).await;
            let event = stripe.event("charge.succeeded", &charge);
            let other = stripe.event("charge.succeeded", &charge);
            let unknown = stripe.event("charge.updated", &charge);
            let deliveries = [&event, &other, &event, &unknown, &event, &other];
            join_all(deliveries.map(|event| deliver_until_taken(shop, event))).await;
            assert!(checkout.settled_books().await.order(order).is_paid());
            answer.send(()).expect("Stripe waits");
            event
        };
        let (reply, event) = tokio::join!(customer.charge(order, "tok_visa"), events);
        retries::assert_charged(&reply);
        deliver_until_taken(shop, &event).await;
        let books = checkout.settled_books().await;
        assert!(books.order(order).is_paid());
        assert_eq!(stripe.charges().len(), 1);
        assert_eq!(effects(&checkout, order).await, ["1", "1"]);
    }
}

#[tokio::test]
async fn a_refund_holds_in_whatever_order_it_is_told() {
    for checkout in Checkout::both().await {
        let (shop, stripe) = (&checkout.shop, &checkout.stripe);
        let customer = shop.customer().await;
        let order = customer.order_of(PRODUCT).await;
        stripe.fail(order, Fault::Closed);
        customer.charge(order, "tok_visa").await.assert_status(503);
        let charge = charge_of(&checkout, order).await;
        let succeeded = stripe.event("charge.succeeded", &charge);
        let refunded = stripe.refund(&charge.id);
        let refunded = stripe.event("charge.refunded", &refunded);
        for event in [&refunded, &succeeded, &refunded, &succeeded] {
            deliver_until_taken(shop, event).await;
        }
        let books = checkout.settled_books().await;
        assert_eq!(books.order(order).status, 4, "{books:?}");
        let again = customer.charge(order, "tok_visa").await;
        assert_eq!(retries::code(&again), "PAY_06", "{again:?}");
        assert_eq!(stripe.charges().len(), 1);
    }
}

#[tokio::test]
async fn what_stripe_did_not_sign_just_now_is_refused() {
    for checkout in Checkout::both().await {
        let (shop, stripe) = (&checkout.shop, &checkout.stripe);
        let customer = shop.customer().await;
        let order = customer.order_of(PRODUCT).await;
        let (answer, held) = oneshot::channel();
        stripe.fail(order, Fault::Held(held));
        let events = async {
            let charge = charge_of(&checkout, order).await;
            let event = stripe.event("charge.succeeded", &charge);
            let right = event.signature(WEBHOOK_SECRET, 0);
            let altered = Event {
                body: event.body.replace("succeeded", "Succeeded"),
            };
            let cases = [
                (&event, String::new()),
                (&event, event.signature("whsec_of_somebody", 0)),
                (&event, event.signature(WEBHOOK_SECRET, 600)),
                (&event, right.replace("v1=", "v0=")),
                (&altered, right),
            ];
            for (event, signature) in cases {
                let reply = deliver(shop, event, &signature).await;
                assert_eq!(reply.status, 400, "{signature}: {reply:?}");
            }
            assert_eq!(effects(&checkout, order).await, ["0", "0"]);
            answer.send(()).expect("Stripe waits");
        };
        let (reply, ()) = tokio::join!(customer.charge(order, "tok_visa"), events);
        retries::assert_charged(&reply);
        assert!(checkout.settled_books().await.order(order).is_paid());
    }
}
