//! API4:2023 Unrestricted Resource Consumption: what one client may take has
//! an end, and the rest of the shop does not feel it.
//!
//! Also: `ingress/bodies`, `bounds`, `patience` and `limits` (sizes, times and
//! rates of clients), `edge/flood`, `growth` and `idle` (floods, and what
//! connections cost), `edge/hostile` (bodies that break parsers), `shop/limits`
//! (rates of the contract), `catalog/contract/refusals` (page sizes),
//! `identity/passwords` (the bounded pool of hashes). Here: logins by the
//! hundred beside a catalog, texts too long in every field, bodies of very
//! many fields, and searches as long as a target can be.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use futures_util::future::join_all;
use http::{Method, Request};
use serde_json::{Map, Value, json};

use super::{assert_clients_fault, method};
use crate::shop::documents::{Documents, with_ids};
use crate::shop::{Shop, Shopper};

/// More logins than may wait for their turn.
const LOGINS: usize = 150;

/// Passwords of one client at once: more than may wait, and fewer than the
/// plugin has instances.
const PASSWORDS: usize = 48;

#[tokio::test]
async fn a_flood_of_logins_leaves_the_catalog_alone() {
    for shop in Shop::both_with(|settings| settings.rate_limits = false).await {
        let customer = shop.customer().await;
        let login = json!({ "email": customer.email, "password": "wrong horse" });
        let over = AtomicBool::new(false);
        let flood = async {
            let logins = (0..LOGINS).map(|_| customer.post("/customers/login", &login));
            let mut statuses = Vec::new();
            for reply in join_all(logins).await {
                if reply.status == 503 {
                    assert!(reply.header("retry-after").is_some(), "{reply:?}");
                } else {
                    reply.assert_status(400);
                }
                statuses.push(reply.status);
            }
            over.store(true, Relaxed);
            statuses
        };
        let (statuses, answered) = tokio::join!(flood, look_around(&shop, &over));
        assert!(statuses.contains(&400), "some had their turn");
        assert!(answered > 0);
    }
}

/// One client's passwords, however many, cost another client one turn.
#[tokio::test]
async fn a_flood_of_passwords_of_one_client_leaves_others_their_logins() {
    let shops = Shop::both_with(|settings| {
        settings.rate_limits = false;
        settings.trusted_proxies = "127.0.0.1".parse().expect("an address");
    });
    for shop in shops.await {
        let customer = shop.customer().await;
        let over = AtomicBool::new(false);
        let login = json!({ "email": customer.email, "password": "wrong horse" });
        let from = |address: &'static str| {
            let (guest, login) = (shop.guest(), &login);
            async move {
                let headers = [("x-forwarded-for", address)];
                let path = "/customers/login";
                guest.ask_with(Method::POST, path, &headers, login).await
            }
        };
        let flood = join_all((0..PASSWORDS).map(|_| async {
            let mut refused = 0;
            while !over.load(Relaxed) {
                refused += usize::from(from("192.0.2.1").await.status == 503);
            }
            refused
        }));
        let others = async {
            for _ in 0..20 {
                let reply = from("198.51.100.7").await;
                assert_eq!(reply.status, 400, "{reply:?}");
            }
            over.store(true, Relaxed);
        };
        let (refused, ()) = tokio::join!(flood, others);
        assert!(refused.iter().sum::<usize>() > 0, "it was a flood");
    }
}

/// Look at the catalog until `over`; every answer has to be a success. Returns
/// their number.
async fn look_around(shop: &Shop, over: &AtomicBool) -> usize {
    let guest = shop.guest();
    let mut answered = 0;
    while !over.load(Relaxed) {
        for path in [
            "/products?page=2",
            "/products/2",
            "/products/search?query_string=shirt",
            "/departments",
        ] {
            guest.success(&guest.get(path).await);
            answered += 1;
        }
    }
    answered
}

/// Every field that any operation of the shop knows, each with this text.
fn every_field(text: &str) -> Value {
    let names = [
        "name",
        "email",
        "password",
        "day_phone",
        "eve_phone",
        "mob_phone",
        "address_1",
        "address_2",
        "city",
        "region",
        "postal_code",
        "country",
        "shipping_region_id",
        "credit_card",
        "access_token",
        "review",
        "rating",
        "cart_id",
        "product_id",
        "attributes",
        "quantity",
        "shipping_id",
        "tax_id",
        "stripeToken",
        "order_id",
        "description",
        "amount",
        "currency",
        "status",
        "price",
        "discounted_price",
        "stock",
        "display",
        "value",
        "department_id",
        "image",
        "image_2",
        "thumbnail",
    ];
    let fields: Map<_, _> = names
        .into_iter()
        .map(|name| (name.to_owned(), json!(text)))
        .collect();
    Value::Object(fields)
}

#[tokio::test]
async fn no_field_takes_a_text_without_end() {
    let documents = Documents::read();
    // All of them together just fit into a body.
    let long = every_field(&"9".repeat(1600));
    for shop in Shop::both().await {
        let merchant = shop.merchant().await;
        let cart = merchant.new_cart().await;
        let item = merchant.add(&cart, 1, "L").await[0]["item_id"].to_string();
        for operation in documents.with_body() {
            let path = match operation.template {
                // The one reads what Stripe signed, the other asks Facebook.
                "/stripe/webhooks" | "/customers/facebook" => continue,
                "/shoppingcart/update/{item_id}" => format!("/shoppingcart/update/{item}"),
                template => with_ids(template),
            };
            let reply = merchant.ask(method(operation), &path, &long).await;
            assert_clients_fault(&reply, &format!("{:?}: {operation:?}", shop.store()));
        }
    }
}

/// As many fields as a body of 64 KiB holds.
fn crowded(kind: &str) -> (&str, String) {
    let mut body = String::new();
    let mut number = 0;
    while body.len() < 60_000 {
        match kind {
            "application/x-www-form-urlencoded" => write!(body, "{number:x}&"),
            "application/json" => write!(body, "\"{number:x}\":0,"),
            _ => write!(
                body,
                "--b\r\ncontent-disposition: form-data; name={number:x}\r\n\r\n\r\n"
            ),
        }
        .expect("a text grows");
        number += 1;
    }
    match kind {
        "application/x-www-form-urlencoded" => (kind, body),
        "application/json" => (kind, format!("{{{}}}", body.trim_end_matches(','))),
        _ => (kind, format!("{body}--b--\r\n")),
    }
}

#[tokio::test]
async fn a_body_of_very_many_fields_is_read_in_no_time() {
    let kinds = [
        "application/x-www-form-urlencoded",
        "application/json",
        "multipart/form-data; boundary=b",
    ];
    for shop in Shop::both().await {
        for kind in kinds {
            let (content_type, body) = crowded(kind);
            let request = Request::post(shop.node.url("/customers/login"));
            let request = request.header("content-type", content_type);
            let reply = shop.node.send(request, body).await;
            // Not 504: its processor time was enough.
            assert_eq!(super::code(&reply), "USR_02", "{kind}: {reply:?}");
        }
    }
}

/// What is left of a target of 8 KiB.
const LONGEST_QUERY: usize = 8000;

#[tokio::test]
async fn the_longest_searches_are_answered() {
    let words: String = (0..).map(|word| format!("a{word:x}+")).take(1100).collect();
    let texts = [
        "a".repeat(LONGEST_QUERY),
        words.chars().take(LONGEST_QUERY).collect(),
        "a+".repeat(LONGEST_QUERY / 2),
        "-".repeat(LONGEST_QUERY),
        "%22".repeat(LONGEST_QUERY / 3),
        "%22a+b%22+".repeat(LONGEST_QUERY / 10),
        "%F0%9F%91%95".repeat(LONGEST_QUERY / 12),
        // Letters that unfold into many when they are folded.
        "%EF%B7%BA".repeat(LONGEST_QUERY / 9),
        "a-".repeat(LONGEST_QUERY / 2),
    ];
    for shop in Shop::both().await {
        let guest = shop.guest();
        for text in &texts {
            for all_words in ["on", "off"] {
                let path = format!("/products/search?all_words={all_words}&query_string={text}");
                let found = guest.success(&guest.get(&path).await);
                assert!(found["count"].is_u64(), "{found}");
            }
        }
        is_well(&guest).await;
    }
}

async fn is_well(guest: &Shopper<'_>) {
    guest.success(&guest.get("/products?limit=100").await);
}
