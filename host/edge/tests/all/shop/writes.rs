//! Every write takes JSON, a form and multipart form data alike, and nothing
//! else.

use std::collections::BTreeSet;

use http::Request;
use serde_json::{Value, json};

use super::documents::{Documents, with_ids};
use super::walk::walk;
use super::{Encoding, Shop};
use crate::catalog::shop::Refusal;
use crate::harness::Operation;

/// What differs between two customers who do the same.
const OWN: [&str; 17] = [
    "accessToken",
    "attribute_id",
    "attribute_value_id",
    "cart_id",
    "category_id",
    "charge_id",
    "count",
    "created",
    "created_on",
    "customer_id",
    "department_id",
    "email",
    "id",
    "item_id",
    "orderId",
    "order_id",
    "product_id",
];

/// What differs because of the time or the order's number.
const OF_THE_ORDER: [&str; 6] = [
    "changed_on",
    "metadata",
    "receipt_url",
    "reference",
    "refund_id",
    "shipped_on",
];

const UNSUPPORTED: Refusal = Refusal::new(
    415,
    "HTTP_415",
    "The body must be a form, a JSON object or multipart form data, in UTF-8.",
);

/// Without what differs from one customer to the next.
fn masked(value: Value) -> Value {
    let is_own = |name: &str| OWN.contains(&name) || OF_THE_ORDER.contains(&name);
    match value {
        Value::Array(items) => items.into_iter().map(masked).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(name, _)| !is_own(name));
            fields.map(|(name, value)| (name, masked(value))).collect()
        }
        other => other,
    }
}

#[tokio::test]
async fn every_way_to_write_a_body_does_the_same() {
    let documents = Documents::read();
    for shop in Shop::both().await {
        let mut outcomes = Vec::new();
        let mut written = BTreeSet::new();
        for encoding in Encoding::ALL {
            let mut outcome = Vec::new();
            for step in walk(&shop, encoding).await {
                let (operation, _) = documents.check(&step.method, &step.path, &step.reply);
                if documents
                    .with_body()
                    .any(|with_body| with_body == operation)
                {
                    written.insert(operation);
                    outcome.push((operation, masked(step.reply.json())));
                }
            }
            outcomes.push(outcome);
        }
        let [json, form, multipart] = outcomes.try_into().expect("three");
        assert_eq!(json, form, "{:?}", shop.store());
        assert_eq!(json, multipart, "{:?}", shop.store());
        let all: BTreeSet<_> = documents.with_body().filter(is_for_clients).collect();
        let missing: Vec<_> = all.difference(&written).collect();
        assert_eq!(missing, [&FACEBOOK]);
    }
}

/// Asks Facebook, and so is tested by the plugin alone.
const FACEBOOK: Operation<'static> = Operation {
    method: "POST",
    template: "/customers/facebook",
};

/// Stripe's webhooks are read as they come, for their signature.
fn is_for_clients(operation: &Operation<'_>) -> bool {
    operation.template != "/stripe/webhooks"
}

#[tokio::test]
async fn a_token_of_facebook_is_read_from_every_kind_of_body() {
    for shop in Shop::both().await {
        let mut guest = shop.guest();
        let refused = Refusal::new(401, "AUT_02", "Access Unauthorized.").of("access_token");
        for encoding in Encoding::ALL {
            guest.encoding = encoding;
            let reply = guest
                .post(
                    "/customers/facebook",
                    &json!({ "access_token": "no token" }),
                )
                .await;
            refused.assert(&reply, &format!("{:?}: {encoding:?}", shop.store()));
        }
    }
}

#[tokio::test]
async fn any_other_type_of_body_is_refused() {
    let types = [
        Some("text/plain"),
        Some("application/xml"),
        Some("application/octet-stream"),
        Some("application/x-www-form-urlencoded; charset=utf-16"),
        None,
    ];
    let documents = Documents::read();
    for shop in Shop::both().await {
        let merchant = shop.merchant().await;
        let token = merchant.token.as_deref().expect("a token");
        let cart = merchant.new_cart().await;
        let item = merchant.add(&cart, 1, "L, Red").await[0]["item_id"].to_string();
        for operation in documents.with_body().filter(is_for_clients) {
            let path = match operation.template {
                "/shoppingcart/update/{item_id}" => format!("/shoppingcart/update/{item}"),
                template => with_ids(template),
            };
            for content_type in types {
                let request = Request::builder().method(operation.method);
                let mut request = request.uri(shop.node.url(&path)).header("user-key", token);
                if let Some(content_type) = content_type {
                    request = request.header("content-type", content_type);
                }
                let reply = shop.node.send(request, "{}").await;
                let case = format!("{:?}: {operation:?} {content_type:?}", shop.store());
                UNSUPPORTED.assert(&reply, &case);
            }
        }
    }
}
