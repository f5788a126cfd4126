//! The OpenAPI documents of the four plugins, held against what they really
//! say: every reply is as documented, and what is documented is said.

mod inherited;
mod rules;

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use super::documents::{Documents, with_ids};
use super::walk::walk;
use super::{Encoding, Shop, refusals};
use crate::harness::Operation;

/// What takes Facebook or Stripe, or very many requests.
const ELSEWHERE: [(&str, &str, &str); 5] = [
    ("POST", "/shoppingcart/add", "429"),
    ("POST", "/customers/facebook", "200"),
    ("POST", "/customers/facebook", "503"),
    ("POST", "/stripe/charge", "503"),
    ("POST", "/stripe/webhooks", "200"),
];

/// A query too long for the node, which brings the default response.
const TOO_LONG: usize = 9000;

#[tokio::test]
async fn every_reply_is_as_documented_and_every_documented_reply_is_seen() {
    let documents = Documents::read();
    for shop in Shop::both().await {
        let mut seen = BTreeSet::new();
        for step in walk(&shop, Encoding::Json).await {
            seen.insert(documents.check(&step.method, &step.path, &step.reply));
        }
        for (shopper, cases) in refusals::groups(&shop).await {
            for case in cases {
                let reply = case.ask(&shopper).await;
                seen.insert(documents.check(&case.method, &case.path, &reply));
            }
        }
        seen.insert(too_many_cards(&shop, &documents).await);
        for path in ["/orders", "/products/1/reviews"] {
            seen.insert(too_many_requests(&shop, &documents, path).await);
        }
        refused_at_the_door(&shop, &documents, &mut seen).await;
        let documented = documents.responses();
        let unseen = documented
            .difference(&seen)
            .filter(|(operation, response)| {
                let Operation { method, template } = operation;
                !ELSEWHERE.contains(&(method, template, response.as_str()))
            });
        let unseen: Vec<_> = unseen.collect();
        assert!(unseen.is_empty(), "{:?}: {unseen:#?}", shop.store());
    }
}

/// What somebody gets who tries out cards.
async fn too_many_cards<'d>(shop: &Shop, documents: &'d Documents) -> (Operation<'d>, String) {
    let customer = shop.customer().await;
    let order = customer.order_of(1).await;
    for _ in 0..5 {
        let reply = customer.charge(order, "tok_chargeDeclined").await;
        reply.assert_status(402);
    }
    let reply = customer.charge(order, "tok_visa").await;
    documents.check(&Method::POST, "/stripe/charge", &reply)
}

/// What a customer gets who asks for the same thing again and again.
async fn too_many_requests<'d>(
    shop: &Shop,
    documents: &'d Documents,
    path: &str,
) -> (Operation<'d>, String) {
    let customer = shop.customer().await;
    for _ in 0..30 {
        customer.post(path, &json!({})).await.assert_status(400);
    }
    let reply = customer.post(path, &json!({})).await;
    reply.assert_status(429);
    documents.check(&Method::POST, path, &reply)
}

/// What the host says, and what tokens bring, in both forms of errors.
async fn refused_at_the_door<'d>(
    shop: &Shop,
    documents: &'d Documents,
    seen: &mut BTreeSet<(Operation<'d>, String)>,
) {
    let (guest, customer) = (shop.guest(), shop.customer().await);
    for operation in documents.operations() {
        let method: Method = operation.method.parse().expect("a method");
        let path = with_ids(operation.template);
        let too_long = format!("{path}?{}", "x".repeat(TOO_LONG));
        let mut requests = vec![(&guest, &too_long)];
        if documents.closed().any(|closed| closed == operation) {
            requests.push((&guest, &path));
        }
        if operation.template.starts_with("/admin/") {
            requests.push((&customer, &path));
        }
        for (shopper, path) in requests {
            for accept in ["application/json", "application/problem+json"] {
                let headers = [("accept", accept)];
                let reply = shopper
                    .ask_with(method.clone(), path, &headers, &Value::Null)
                    .await;
                seen.insert(documents.check(&method, path, &reply));
            }
        }
    }
}
