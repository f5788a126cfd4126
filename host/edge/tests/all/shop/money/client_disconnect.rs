//! Customers who leave before they have an answer: what they began is carried
//! through, or was never begun.

use std::time::Duration;

use serde_json::json;
use test_servers::MariaDb;
use tokio::sync::oneshot;

use super::Checkout;
use super::ledger_audit::Books;
use crate::catalog::database::{Database, Store};
use crate::harness::{Mode, PluginFolder, Proxy, eventually, variant};
use crate::observability::metrics::Metrics;
use crate::shop::stripe::{Fault, Stripe};
use crate::shop::{Shopper, Stores};

/// A product of the catalog, and how many there are of it.
const PRODUCT: i64 = 1;
const STOCK: u64 = 1000;

/// How much longer each answer of the database takes: an order takes many.
const SLOW: Duration = Duration::from_millis(30);

/// Too short for an order, and long enough for its request to have arrived.
const SHORT: Duration = Duration::from_millis(200);

/// A POST of JSON, as it goes over the wire.
fn post(customer: &Shopper<'_>, path: &str, fields: &serde_json::Value) -> String {
    let body = fields.to_string();
    let token = customer.token.as_deref().expect("a token");
    format!(
        "POST {path} HTTP/1.1\r\nhost: shop\r\nuser-key: {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn full_cart(customer: &Shopper<'_>) -> String {
    let cart = customer.new_cart().await;
    customer.add(&cart, PRODUCT, "L").await;
    cart
}

fn order(cart: &str) -> serde_json::Value {
    json!({ "cart_id": cart, "shipping_id": 1, "tax_id": 1 })
}

/// Wait until no request is at work: those whose client has left are not waited
/// for by anybody else.
async fn until_nobody_is_served(checkout: &Checkout) {
    eventually("nobody is served", async || {
        let metrics = Metrics::of(&checkout.shop.node).await;
        let busy = metrics.value("edge_plugin_instances_busy", &[]);
        (busy == Some(0.0)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_order_is_carried_through_without_its_customer() {
    let server = MariaDb::shared();
    let proxy = Proxy::before(server.port()).await;
    let mut database = Database::of(server);
    let direct = database.url.clone();
    let (_, name) = direct.rsplit_once('/').expect("a name");
    database.url = format!("mysql://root@{}/{name}", proxy.address());
    let redis = test_servers::Redis::shared().database();
    let stores = Stores::at(database, redis);
    let checkout = Checkout::open(stores, Stripe::start(), &super::plugins(), |_| {}).await;
    checkout.stock(PRODUCT, STOCK.cast_signed()).await;
    let customer = checkout.shop.customer().await;
    let cart = full_cart(&customer).await;

    proxy.set(Mode::Delay(SLOW)).await;
    let mut wire = checkout.shop.node.wire().await;
    wire.send(post(&customer, "/orders", &order(&cart))).await;
    tokio::time::sleep(SHORT).await;
    drop(wire);
    // Nobody asks again, and what was left half-done would be undone.
    eventually("the order", async || {
        let orders = Books::read(checkout.database()).await.orders;
        orders.first().filter(|order| order.reserved == 1)?;
        Some(())
    })
    .await;
    proxy.set(Mode::Pass).await;
    let books = checkout.settled_books().await;
    assert_eq!(books.orders.len(), 1);
    books.check_stock(checkout.database(), PRODUCT, STOCK).await;
    eventually("the empty cart", async || {
        let items = customer.get(&format!("/shoppingcart/{cart}")).await;
        (items.json() == json!([])).then_some(())
    })
    .await;
}

#[tokio::test]
async fn whenever_customers_leave_orders_are_whole_or_absent() {
    for checkout in Checkout::both().await {
        checkout.stock(PRODUCT, STOCK.cast_signed()).await;
        let customer = checkout.shop.customer().await;
        let mut carts = Vec::new();
        for wait in 0..24 {
            let cart = full_cart(&customer).await;
            let mut wire = checkout.shop.node.wire().await;
            let request = post(&customer, "/orders", &order(&cart));
            // Some leave before they have said all that they wanted.
            let said = if wait < 4 {
                request.len() - wait
            } else {
                request.len()
            };
            wire.send(&request[..said]).await;
            tokio::time::sleep(Duration::from_millis(wait as u64)).await;
            drop(wire);
            carts.push(cart);
        }
        until_nobody_is_served(&checkout).await;
        let books = checkout.settled_books().await;
        books.check_stock(checkout.database(), PRODUCT, STOCK).await;
        // Who comes back gets the order that there is, or one now.
        for cart in &carts {
            let reply = super::retries::post(&customer, "/orders", None, &order(cart)).await;
            let is_ordered = books.orders.iter().any(|order| order.cart == *cart);
            assert!(reply.status == 200 || is_ordered, "{reply:?}");
        }
        let books = checkout.settled_books().await;
        assert_eq!(books.orders.len(), carts.len());
        books.check_stock(checkout.database(), PRODUCT, STOCK).await;
    }
}

/// The shop's own four, without the task that settles what is left unknown.
fn unsettled() -> [PluginFolder; 4] {
    let [customer, order, _, product] = super::plugins();
    let never = "[[schedule]]\ntask = 'settle'\nevery = '1h'";
    [customer, order, variant("../payment", never), product]
}

#[tokio::test]
async fn a_payment_is_carried_through_without_its_customer() {
    for store in Store::ALL {
        let stripe = Stripe::start();
        let checkout = Checkout::open(Stores::new(store), stripe, &unsettled(), |_| {}).await;
        let customer = checkout.shop.customer().await;
        let order = customer.order_of(PRODUCT).await;
        let amount = customer.total(order).await;
        let (answer, held) = oneshot::channel();
        checkout.stripe.fail(order, Fault::Held(held));
        let mut wire = checkout.shop.node.wire().await;
        let charge = json!({
            "stripeToken": "tok_visa", "order_id": order, "description": "A", "amount": amount,
        });
        wire.send(post(&customer, "/stripe/charge", &charge)).await;
        eventually("the charge", async || checkout.stripe.captured(order).pop()).await;
        drop(wire);
        answer
            .send(())
            .expect("Stripe waits for it, and so does the shop");
        eventually("a paid order", async || {
            let books = Books::read(checkout.database()).await;
            books.order(order).is_paid().then_some(())
        })
        .await;
    }
}
