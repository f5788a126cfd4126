//! Several shops with one account at Stripe, which have the same order numbers:
//! each has its own charges and no others.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::{Checkout, ledger_audit, open, plugins, webhooks};
use crate::catalog::database::{Database, Store};
use crate::harness::eventually;
use crate::observability::metrics::Metrics;
use crate::shop::stripe::{Charge, Event, Fault, Stripe, WEBHOOK_SECRET};
use crate::shop::{Shop, Stores, share_control};

const PRODUCT: i64 = 1;

/// Longer than it takes until Stripe's search finds a charge.
const SEARCHABLE: Duration = Duration::from_secs(600);

/// Longer than Stripe remembers an idempotency key.
const FORGOTTEN: Duration = Duration::from_secs(25 * 3600);

const FOREIGN: &str = "shop_payments_foreign_total";

/// Two shops on each kind of stores, with one Stripe.
async fn pairs() -> [(Stripe, Shop, Shop); 2] {
    let pair = async |store| {
        let stripe = Stripe::start();
        let shop = async || {
            let stores = Arc::new(Stores::new(store));
            open(stores, &stripe, &plugins(), |_| {}).await
        };
        let (one, other) = (shop().await, shop().await);
        (stripe, one, other)
    };
    let [one, other] = Store::ALL.map(pair);
    tokio::join!(one, other).into()
}

/// The identity that a shop has given itself.
async fn identity(shop: &Shop) -> String {
    let found = &shop.stores.database;
    let found = found.texts("SELECT shop_id FROM payment_shop").await;
    <[String; 1]>::try_from(found).expect("one identity")[0].clone()
}

/// The status of an order, once nothing is left to be done about it.
async fn status(shop: &Shop, order: i64) -> u8 {
    let books = ledger_audit::Books::settled(&shop.stores.database).await;
    books.order(order).status
}

async fn deliver(shop: &Shop, event: &Event) {
    let signature = event.signature(WEBHOOK_SECRET, 0);
    let reply = webhooks::deliver(shop, event, &signature).await;
    reply.assert_status(200);
}

/// Let an attempt be as releases made it that knew no shops.
async fn forget_shop(database: &Database, order: i64) {
    let update = format!(
        "UPDATE payment_attempt SET shop_id = NULL, provider = 'stripe' WHERE order_id = {order}"
    );
    database.execute(&update).await;
}

fn charge_of<'a>(charges: &'a [Charge], shop_id: Option<&str>) -> &'a Charge {
    let mut of_shop = charges.iter().filter(|charge| charge.shop() == shop_id);
    let found = of_shop.next().expect("a charge");
    assert!(of_shop.next().is_none(), "{charges:?}");
    found
}

#[tokio::test]
async fn shops_with_the_same_order_numbers_have_their_own_charges() {
    for (stripe, one, other) in pairs().await {
        let (ada, bob) = (one.customer().await, other.customer().await);
        let order = ada.order_of(PRODUCT).await;
        assert_eq!(bob.order_of(PRODUCT).await, order);
        let paid = ada.charge(order, "tok_visa").await;
        paid.assert_status(200);
        // Another card, which would not fit the other shop's idempotency key.
        let also_paid = bob.charge(order, "tok_mastercard").await;
        also_paid.assert_status(200);
        assert_ne!(paid.json()["id"], also_paid.json()["id"]);
        let charges = stripe.captured(order);
        assert_eq!(charges.len(), 2, "{charges:?}");
        let ids = [identity(&one).await, identity(&other).await];
        assert_ne!(ids[0], ids[1]);
        for (shop, id, reply) in [(&one, &ids[0], &paid), (&other, &ids[1], &also_paid)] {
            let charge = charge_of(&charges, Some(id));
            assert_eq!(reply.json()["id"], charge.id);
            assert_eq!(status(shop, order).await, 1);
        }
        assert_eq!(stripe.complaints(), [""; 0]);
    }
}

#[tokio::test]
async fn events_of_another_shops_charges_have_no_effect() {
    for (stripe, one, other) in pairs().await {
        let (ada, bob) = (one.customer().await, other.customer().await);
        let order = ada.order_of(PRODUCT).await;
        assert_eq!(bob.order_of(PRODUCT).await, order);
        ada.charge(order, "tok_visa").await.assert_status(200);
        let charge = stripe.captured(order).remove(0);
        deliver(&other, &stripe.event("charge.succeeded", &charge)).await;
        assert_eq!(status(&other, order).await, 0);
        let database = &other.stores.database;
        let noted = "SELECT CONCAT('', foreign_noted_on) FROM payment_shop";
        let first = database.texts(noted).await;
        assert_eq!(first.len(), 1);

        bob.charge(order, "tok_visa").await.assert_status(200);
        let refunded = stripe.refund(&charge.id);
        deliver(&other, &stripe.event("charge.refunded", &refunded)).await;
        assert_eq!(status(&other, order).await, 1);
        let mut unmarked = refunded.clone();
        unmarked.metadata.remove("shop");
        let mut strange = refunded.clone();
        strange.metadata.clear();
        for charge in [&unmarked, &strange] {
            deliver(&other, &stripe.event("charge.refunded", charge)).await;
            assert_eq!(status(&other, order).await, 1);
        }

        // Each is counted, and none is an alarm or the log's business again.
        let metrics = Metrics::of(&other.node).await;
        metrics.assert(FOREIGN, &[], 4.0);
        assert_eq!(database.texts(noted).await, first);
        assert_eq!(database.count("stripe_event").await, 0);
        // To the shop that made it, it says what it says.
        deliver(&one, &stripe.event("charge.refunded", &refunded)).await;
        assert_eq!(status(&one, order).await, 4);
        let of_its_own = Metrics::of(&one.node).await.value(FOREIGN, &[]);
        assert_eq!(of_its_own.unwrap_or_default(), 0.0);
    }
}

/// Neither a key that Stripe repeats nor one that it has forgotten leads to the
/// charge of another shop.
#[tokio::test]
async fn a_search_finds_no_charge_of_another_shop() {
    for (stripe, one, other) in pairs().await {
        let (ada, bob) = (one.customer().await, other.customer().await);
        let charged = ada.order_of(PRODUCT).await;
        let not_charged = ada.order_of(PRODUCT).await;
        for order in [charged, not_charged] {
            assert_eq!(bob.order_of(PRODUCT).await, order);
            ada.charge(order, "tok_visa").await.assert_status(200);
        }
        stripe.fail(charged, Fault::BrokenAfterCharging);
        stripe.fail(not_charged, Fault::Broken);
        for order in [charged, not_charged] {
            bob.charge(order, "tok_visa").await.assert_status(503);
        }
        let database = &other.stores.database;
        ledger_audit::age(database, "payment_attempt", charged, SEARCHABLE).await;
        ledger_audit::age(database, "payment_attempt", not_charged, FORGOTTEN).await;
        assert_eq!(status(&other, charged).await, 1);
        assert_eq!(status(&other, not_charged).await, 0);
        let own = identity(&other).await;
        let charges = stripe.captured(charged);
        let own = &charge_of(&charges, Some(&own)).id;
        let recorded = format!("SELECT charge_id FROM payment_attempt WHERE order_id = {charged}");
        assert_eq!(database.texts(&recorded).await, std::slice::from_ref(own));
        assert_eq!(stripe.captured(not_charged).len(), 1);
    }
}

/// Two nodes of one shop that both make its identity make one.
#[tokio::test]
async fn nodes_that_begin_together_have_one_identity() {
    let stripe = Stripe::start();
    let stores = Arc::new(Stores::new(Store::MariaDb));
    let mut nodes = Vec::new();
    for _ in 0..2 {
        nodes.push(open(stores.clone(), &stripe, &plugins(), share_control).await);
    }
    let mut orders = Vec::new();
    for shop in nodes.iter().cycle().take(8) {
        let customer = shop.customer().await;
        let order = customer.order_of(PRODUCT).await;
        orders.push((customer, order));
    }
    let charging = orders
        .iter()
        .map(|(customer, order)| customer.charge(*order, "tok_visa"));
    for reply in join_all(charging).await {
        reply.assert_status(200);
    }
    let id = identity(&nodes[0]).await;
    for charge in stripe.charges() {
        assert_eq!(charge.shop(), Some(&*id), "{charge:?}");
    }
    assert_eq!(stripe.charges().len(), 8);
}

/// What an earlier release charged stays the shop's, by the charge's id.
#[tokio::test]
async fn charges_from_before_there_were_identities_stay_the_shops() {
    for checkout in Checkout::both().await {
        let (shop, stripe) = (&checkout.shop, &checkout.stripe);
        let customer = shop.customer().await;
        let order = customer.order_of(PRODUCT).await;
        customer.charge(order, "tok_visa").await.assert_status(200);
        assert_eq!(status(shop, order).await, 1);
        forget_shop(checkout.database(), order).await;
        let charge = stripe.captured(order).remove(0);
        let old = stripe.forget_shop(&charge.id);
        // Another shop's of that time, with the same numbers.
        let other = Charge {
            id: "ch_of_another_shop".to_owned(),
            refunded: true,
            ..old.clone()
        };
        deliver(shop, &stripe.event("charge.refunded", &other)).await;
        assert_eq!(status(shop, order).await, 1);
        let refunded = stripe.refund(&old.id);
        deliver(shop, &stripe.event("charge.refunded", &refunded)).await;
        assert_eq!(status(shop, order).await, 4);
    }
}

/// An attempt that was under way during the update is asked for with the key
/// that it had: with another, the card would be charged twice.
#[tokio::test]
async fn an_attempt_from_before_there_were_identities_is_charged_once() {
    for checkout in Checkout::both().await {
        let (shop, stripe) = (&checkout.shop, &checkout.stripe);
        let customer = shop.customer().await;
        let order = customer.order_of(PRODUCT).await;
        stripe.fail(order, Fault::Conflict);
        // The earlier release had the same trouble, and asks once more.
        stripe.fail(order, Fault::Conflict);
        customer.charge(order, "tok_visa").await.assert_status(503);
        forget_shop(checkout.database(), order).await;
        // Another shop's event of that time changes nothing.
        let stranger = Charge {
            id: "ch_of_another_shop".to_owned(),
            amount: customer.total(order).await,
            currency: "usd".to_owned(),
            description: "An order of another shop".to_owned(),
            metadata: [("order_id", order.to_string()), ("attempt", "1".to_owned())]
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
            decline: None,
            refunded: false,
            created: 0,
        };
        deliver(shop, &stripe.event("charge.succeeded", &stranger)).await;
        assert_eq!(status(shop, order).await, 1);
        let charge = eventually("a charge", async || stripe.captured(order).pop()).await;
        assert_eq!(charge.shop(), None, "{charge:?}");
        let recorded = format!("SELECT charge_id FROM payment_attempt WHERE order_id = {order}");
        let recorded = checkout.database().texts(&recorded).await;
        assert_eq!(recorded, std::slice::from_ref(&charge.id));
        checkout.settled_books().await;
    }
}

/// A database that was copied and given an identity of its own, as for tests,
/// leaves the charges of the shop alone that it was copied from.
#[tokio::test]
async fn a_copy_with_its_own_identity_leaves_the_shops_charges_alone() {
    for checkout in Checkout::both().await {
        let (shop, stripe) = (&checkout.shop, &checkout.stripe);
        let (customer, merchant) = (shop.customer().await, shop.merchant().await);
        let order = customer.order_of(PRODUCT).await;
        customer.charge(order, "tok_visa").await.assert_status(200);
        assert_eq!(status(shop, order).await, 1);
        checkout
            .database()
            .execute("DELETE FROM payment_shop")
            .await;
        let path = format!("/admin/orders/{order}");
        let refund = serde_json::json!({ "status": 4 });
        let reply = merchant.put(&path, &refund).await;
        assert_eq!(reply.status, 503, "{reply:?}");
        assert_eq!(stripe.captured(order).len(), 1);
    }
}
