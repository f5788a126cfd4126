//! Many who want the same thing at the same moment.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};

use super::{Checkout, ledger_audit, retries};
use crate::harness::Reply;
use crate::shop::{PASSWORD, Shopper};

/// A product of the catalog.
const PRODUCT: i64 = 1;

fn order_fields(cart: &str) -> Value {
    json!({ "cart_id": cart, "shipping_id": 1, "tax_id": 1 })
}

async fn cart_of_one(shopper: &Shopper<'_>) -> String {
    let cart = shopper.new_cart().await;
    shopper.add(&cart, PRODUCT, "L, Red").await;
    cart
}

/// The orders that successful replies name.
fn orders(replies: &[Reply]) -> BTreeSet<i64> {
    let made = replies.iter().filter(|reply| reply.status == 200);
    let ids = made.map(|reply| reply.json()["orderId"].as_i64());
    ids.map(|id| id.expect("an id")).collect()
}

#[tokio::test]
async fn one_cart_makes_one_order() {
    for checkout in Checkout::both().await {
        let customer = checkout.shop.customer().await;
        let cart = cart_of_one(&customer).await;
        let fields = order_fields(&cart);
        let replies = (0..50).map(|_| customer.post("/orders", &fields));
        let replies = join_all(replies).await;
        for reply in &replies {
            let clean = reply.status == 200
                || retries::is_temporary(reply)
                || retries::code(reply) == "ORD_02";
            assert!(clean, "{reply:?}");
        }
        let named = orders(&replies);
        let books = checkout.settled_books().await;
        let made: BTreeSet<_> = books.orders.iter().map(|order| order.id).collect();
        assert_eq!((named.len(), &named), (1, &made), "{replies:?}");
    }
}

#[tokio::test]
async fn the_last_ten_are_sold_ten_times() {
    for checkout in Checkout::both().await {
        let shop = &checkout.shop;
        checkout.stock(PRODUCT, 10).await;
        let customers = join_all((0..5).map(|_| shop.customer())).await;
        let buyers = (0..100).map(|number| {
            let customer = &customers[number % customers.len()];
            async move {
                let cart = cart_of_one(customer).await;
                retries::post(customer, "/orders", None, &order_fields(&cart)).await
            }
        });
        let replies = join_all(buyers).await;
        let refused = replies.iter().filter(|reply| reply.status != 200);
        for reply in refused {
            assert_eq!(retries::code(reply), "ORD_03", "{reply:?}");
        }
        assert_eq!(orders(&replies).len(), 10);
        let books = checkout.settled_books().await;
        assert_eq!(books.orders.len(), 10);
        assert_eq!(ledger_audit::stock(checkout.database(), PRODUCT).await, 0);
        books.check_stock(checkout.database(), PRODUCT, 10).await;
    }
}

#[tokio::test]
async fn one_address_has_one_customer() {
    for checkout in Checkout::both().await {
        let guest = checkout.shop.guest();
        let replies = (0..50).map(|number| {
            // Addresses are the same without regard to case.
            let email = match number % 2 {
                0 => guest.email.clone(),
                _ => guest.email.to_uppercase(),
            };
            let fields = json!({ "name": guest.name, "email": email, "password": PASSWORD });
            let guest = &guest;
            async move { guest.post("/customers", &fields).await }
        });
        let replies = join_all(replies).await;
        let made = replies.iter().filter(|reply| reply.status == 200).count();
        assert_eq!(made, 1, "{replies:?}");
        for reply in replies.iter().filter(|reply| reply.status != 200) {
            let clean = retries::code(reply) == "USR_04" || retries::is_temporary(reply);
            assert!(clean, "{reply:?}");
        }
        let like = format!("LOWER(email) = '{}'", guest.email.to_lowercase());
        let count = format!("SELECT CONCAT('', COUNT(*)) FROM customer WHERE {like}");
        assert_eq!(checkout.database().texts(&count).await, ["1"]);
    }
}

#[tokio::test]
async fn one_order_is_charged_once() {
    for checkout in Checkout::both().await {
        let customer = checkout.shop.customer().await;
        let order = customer.order_of(PRODUCT).await;
        let replies = join_all((0..20).map(|_| customer.charge(order, "tok_visa"))).await;
        for reply in &replies {
            let clean = reply.status == 200
                || retries::is_temporary(reply)
                || retries::code(reply) == "PAY_03";
            assert!(clean, "{reply:?}");
        }
        let paid = replies.iter().filter(|reply| reply.status == 200).count();
        assert_eq!(paid, 1, "{replies:?}");
        let books = checkout.settled_books().await;
        assert!(books.order(order).is_paid());
        assert_eq!(checkout.stripe.charges().len(), 1);
    }
}

#[tokio::test]
async fn every_addition_to_a_cart_is_there() {
    for checkout in Checkout::both().await {
        let guest = checkout.shop.guest();
        let cart = guest.new_cart().await;
        let additions = (0..40).map(|number| {
            let fields = json!({
                "cart_id": cart, "product_id": PRODUCT + number % 4, "attributes": "L",
            });
            let guest = &guest;
            async move { guest.post("/shoppingcart/add", &fields).await }
        });
        let replies = join_all(additions).await;
        let made = replies.iter().filter(|reply| reply.status == 200).count();
        // Nobody knows what became of a request that took too long.
        let unknown = replies.iter().filter(|reply| reply.status == 504).count();
        for reply in &replies {
            assert!(
                reply.status == 200 || retries::is_temporary(reply),
                "{reply:?}"
            );
        }
        let items = guest.success(&guest.get(&format!("/shoppingcart/{cart}")).await);
        let items = items.as_array().expect("items").iter();
        let pieces: u64 = items.filter_map(|item| item["quantity"].as_u64()).sum();
        let possible = made..=made + unknown;
        assert!(
            possible.contains(&usize::try_from(pieces).expect("few")),
            "{pieces} of {possible:?}"
        );
        assert!(made > 0, "{replies:?}");
    }
}

#[tokio::test]
async fn an_idempotency_key_makes_one_order() {
    for checkout in Checkout::both().await {
        let customer = checkout.shop.customer().await;
        let cart = cart_of_one(&customer).await;
        let fields = order_fields(&cart);
        let key = [("idempotency-key", "one-and-only")];
        let post = |fields| customer.ask_with(Method::POST, "/orders", &key, fields);
        let replies = join_all((0..20).map(|_| post(&fields))).await;
        for reply in &replies {
            let clean = reply.status == 200 || retries::is_temporary(reply);
            assert!(clean, "{reply:?}");
            let says_when = reply.header("retry-after").is_some();
            assert!(says_when || retries::code(reply) != "IDM_01", "{reply:?}");
        }
        let first = retries::post(&customer, "/orders", Some(key[0].1), &fields).await;
        let again = post(&fields).await;
        again.assert_status(200);
        assert_eq!(again.body, first.body);
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        let mut named = orders(&replies);
        named.extend(orders(&[first]));
        assert_eq!(named.len(), 1, "{replies:?}");

        let other = json!({ "cart_id": cart, "shipping_id": 2, "tax_id": 1 });
        let refused = post(&other).await;
        refused.assert_status(422);
        assert_eq!(retries::code(&refused), "IDM_02");
        let books = checkout.settled_books().await;
        assert_eq!(books.orders.len(), 1);
    }
}

/// A refusal that is kept under an idempotency key is replayed in the form that
/// each client accepts.
#[tokio::test]
async fn a_replayed_refusal_has_the_form_that_the_client_accepts() {
    for checkout in Checkout::both().await {
        let customer = checkout.shop.customer().await;
        let empty = order_fields(&customer.new_cart().await);
        let (customer, empty) = (&customer, &empty);
        let post = |accept| async move {
            let headers = [("idempotency-key", "refused"), ("accept", accept)];
            let asking = customer.ask_with(Method::POST, "/orders", &headers, empty);
            asking.await
        };
        let first = post("application/json").await;
        let code = retries::code(&first);
        assert!((400..500).contains(&first.status), "{first:?}");
        assert_eq!(first.header("idempotent-replayed"), None);
        let again = post("application/json").await;
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!((again.status, &again.body), (first.status, &first.body));
        let problem = post("application/problem+json").await;
        assert_eq!(problem.header("idempotent-replayed"), Some("true"));
        assert_eq!(
            problem.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(problem.json()["code"], code);
    }
}

/// What somebody adds while the cart is ordered, again and again, is in one of
/// the orders or in the cart, once.
#[tokio::test]
async fn what_is_added_while_a_cart_is_ordered_is_ordered_or_stays() {
    for checkout in Checkout::both().await {
        let customer = checkout.shop.customer().await;
        let cart = cart_of_one(&customer).await;
        let fields = order_fields(&cart);
        let requests = (0..32).map(|number| {
            let addition = json!({
                "cart_id": cart, "product_id": PRODUCT + number % 3, "attributes": "L, Red",
            });
            let (customer, fields) = (&customer, &fields);
            async move {
                match number % 4 {
                    0 => (0, customer.post("/orders", fields).await),
                    _ => (1, customer.post("/shoppingcart/add", &addition).await),
                }
            }
        });
        let replies = join_all(requests).await;
        for (_, reply) in &replies {
            let clean = reply.status == 200
                || retries::is_temporary(reply)
                || retries::code(reply) == "ORD_02";
            assert!(clean, "{reply:?}");
        }
        let added = |status| {
            let of_status = replies.iter().filter(|(_, reply)| reply.status == status);
            of_status.map(|(pieces, _)| pieces).sum::<u64>()
        };
        // Nobody knows what became of an addition that took too long.
        let (made, unknown) = (1 + added(200), added(504));
        // What was cut off is finished by the next request for the same cart.
        retries::post(&customer, "/orders", None, &fields).await;

        let mut pieces = quantities(&customer, &format!("/shoppingcart/{cart}")).await;
        let orders = customer.success(&customer.get("/orders/inCustomer").await);
        for order in orders.as_array().expect("orders") {
            let path = format!("/orders/{}", order["order_id"]);
            pieces += quantities(&customer, &path).await;
        }
        let possible = made..=made + unknown;
        assert!(possible.contains(&pieces), "{pieces} of {possible:?}");
        assert!(made > 1, "{replies:?}");
    }
}

/// How many pieces the items of a cart, or the lines of an order, are of.
async fn quantities(customer: &Shopper<'_>, path: &str) -> u64 {
    let items = customer.success(&customer.get(path).await);
    let items = items.as_array().expect("items").iter();
    items.filter_map(|item| item["quantity"].as_u64()).sum()
}
