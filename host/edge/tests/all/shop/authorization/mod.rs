//! Who may do what: nobody without a sound token, nobody with what belongs to
//! others, and only merchants what is theirs to do.

mod accounts;
mod others;
mod revocation;
mod tokens;

use http::Method;
use serde_json::Value;

use super::documents::{Documents, with_ids};
use super::refusals::words::{BAD_TOKEN, FORBIDDEN, NO_TOKEN};
use super::{Shop, Shopper};
use crate::catalog::shop::Refusal;
use crate::harness::{Operation, Reply};
use tokens::Forger;

/// What the contract closes; the plugins have more.
const CLOSED: [(&str, &str); 11] = [
    ("POST", "/products/{product_id}/reviews"),
    ("GET", "/customer"),
    ("PUT", "/customer"),
    ("PUT", "/customers/address"),
    ("PUT", "/customers/creditCard"),
    ("POST", "/orders"),
    ("GET", "/orders/{order_id}"),
    ("GET", "/orders/inCustomer"),
    ("GET", "/orders/shortDetail/{order_id}"),
    ("POST", "/stripe/charge"),
    ("GET", "/admin/orders"),
];

fn method(operation: Operation<'_>) -> Method {
    operation.method.parse().expect("a method")
}

/// Ask for an operation without a body.
async fn ask(shopper: &Shopper<'_>, operation: Operation<'_>, headers: &[(&str, &str)]) -> Reply {
    let path = with_ids(operation.template);
    shopper
        .ask_with(method(operation), &path, headers, &Value::Null)
        .await
}

async fn assert_refused(
    shopper: &Shopper<'_>,
    operation: Operation<'_>,
    headers: &[(&str, &str)],
    refusal: &Refusal,
) {
    let reply = ask(shopper, operation, headers).await;
    refusal.assert(&reply, &format!("{operation:?} with {headers:?}"));
}

#[test]
fn what_the_contract_closes_is_documented_as_closed() {
    let documents = Documents::read();
    for (method, template) in CLOSED {
        let operation = Operation { method, template };
        assert!(documents.closed().any(|one| one == operation), "{template}");
    }
}

#[tokio::test]
async fn every_closed_route_asks_for_a_token() {
    let documents = Documents::read();
    for shop in Shop::both().await {
        let guest = shop.guest();
        for operation in documents.closed() {
            assert_refused(&guest, operation, &[], &NO_TOKEN).await;
            assert_refused(&guest, operation, &[("user-key", "")], &NO_TOKEN).await;
        }
    }
}

#[tokio::test]
async fn no_closed_route_takes_a_token_that_does_not_hold() {
    let documents = Documents::read();
    for shop in Shop::both().await {
        let guest = shop.guest();
        let forger = Forger::of(&shop.customer().await).await;
        let sound = forger.sound();
        let reply = guest
            .ask_with(
                Method::GET,
                "/customer",
                &[("user-key", &sound)],
                &Value::Null,
            )
            .await;
        guest.success(&reply);
        for (what, token) in forger.unsound() {
            for operation in documents.closed() {
                let reply = ask(&guest, operation, &[("user-key", &token)]).await;
                BAD_TOKEN.assert(&reply, &format!("{what}: {operation:?}"));
            }
        }
    }
}

#[tokio::test]
async fn two_tokens_of_two_people_are_none() {
    let documents = Documents::read();
    for shop in Shop::both().await {
        let (one, other) = (shop.customer().await, shop.customer().await);
        let tokens = [&one, &other].map(|shopper| shopper.token.clone().expect("a token"));
        let headers = [("user-key", &*tokens[0]), ("authorization", &*tokens[1])];
        for operation in documents.closed() {
            assert_refused(&shop.guest(), operation, &headers, &BAD_TOKEN).await;
        }
    }
}

#[tokio::test]
async fn what_is_for_merchants_is_for_nobody_else() {
    let documents = Documents::read();
    for shop in Shop::both().await {
        let (customer, merchant) = (shop.customer().await, shop.merchant().await);
        let admin = documents
            .operations()
            .filter(|operation| operation.template.starts_with("/admin/"));
        for operation in admin {
            assert_refused(&customer, operation, &[], &FORBIDDEN).await;
            // Those that delete would take away what the next one asks for.
            if operation.method != "DELETE" {
                let reply = ask(&merchant, operation, &[]).await;
                assert!(
                    ![401, 403, 500].contains(&reply.status),
                    "{operation:?}: {reply:?}"
                );
            }
        }
    }
}

/// Caches know nothing of `user-key`: what somebody gets who shows a token is
/// kept by none, whichever plugin answers.
#[tokio::test]
async fn what_a_token_is_answered_is_kept_by_no_cache() {
    let documents = Documents::read();
    for shop in Shop::both().await {
        let (customer, merchant) = (shop.customer().await, shop.merchant().await);
        for shopper in [&customer, &merchant] {
            for operation in documents.operations().filter(|one| one.method == "GET") {
                let reply = ask(shopper, operation, &[]).await;
                let kept = reply.header("cache-control").unwrap_or_default();
                // A reply that is the same for everybody may be kept by the client itself.
                let is_open = reply.header("cache-status").is_some() && kept == "private, no-cache";
                assert!(
                    kept.contains("no-store") || is_open,
                    "{operation:?}: {reply:?}"
                );
            }
        }
        // What a cart holds is known by its id alone.
        let guest = shop.guest();
        let cart = guest.new_cart().await;
        for path in ["/shoppingcart/", "/shoppingcart/totalAmount/"] {
            let reply = guest.get(&format!("{path}{cart}")).await;
            assert_eq!(reply.header("cache-control"), Some("no-store"), "{reply:?}");
        }
    }
}
