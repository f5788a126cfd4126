//! API3:2023 Broken Object Property Level Authorization: nobody writes a
//! property that is not theirs, and no reply holds one that is nobody's
//! business.
//!
//! Also: `shop/authorization/others` (fields that nobody asked for have no
//! effect), `shop/openapi` (every reply has just the documented properties).
//! Here: what is secret stands in no reply and, as far as it can be helped, in
//! no table; and what is written with too much in it.

use serde_json::{Value, json};

use super::is_for_everybody;
use crate::shop::documents::Documents;
use crate::shop::walk::walk;
use crate::shop::{Encoding, Shop};

/// Pieces of what the walk's customer tells the shop and nobody else: the
/// password, the card, and the hash of the one.
const SECRETS: [&str; 6] = [
    "löwe & horse",
    "l\\u00f6we",
    "4242424242424242",
    "4242 4242 4242 4242",
    "$argon2",
    "correct horse",
];

/// Names of properties that no reply has, anywhere in it.
const SECRET_NAMES: [&str; 8] = [
    "password",
    "password_hash",
    "email_key",
    "facebook_id",
    "auth_code",
    "generation",
    "role",
    "lease",
];

fn names(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| names(item, found)),
        Value::Object(fields) => {
            for (name, value) in fields {
                found.push(name.clone());
                names(value, found);
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn no_reply_holds_a_secret() {
    for shop in Shop::both().await {
        let steps = walk(&shop, Encoding::Json).await;
        assert!(steps.len() > 50, "the walk goes everywhere");
        for step in steps {
            let said = format!("{} {}: {:?}", step.method, step.path, step.reply);
            for secret in SECRETS {
                assert!(!step.reply.text().contains(secret), "{secret}: {said}");
            }
            let mut found = Vec::new();
            names(&step.reply.json(), &mut found);
            for name in SECRET_NAMES {
                assert!(!found.iter().any(|one| one == name), "{name}: {said}");
            }
        }
    }
}

#[tokio::test]
async fn no_table_holds_a_card_or_a_password() {
    for shop in Shop::both().await {
        walk(&shop, Encoding::Form).await;
        let tables = shop.stores.database.snapshot().await;
        // The node's own tables hold the plugins' code, which knows test cards.
        let plugins = tables
            .iter()
            .filter(|(table, _)| !table.starts_with("edge_"));
        for (table, rows) in plugins {
            for cell in rows.iter().flatten().flatten() {
                let text = String::from_utf8_lossy(cell);
                for secret in ["4242424242424242", "4242 4242", "correct horse", "& horse"] {
                    assert!(!text.contains(secret), "{table}: {secret}: {text}");
                }
            }
        }
        let database = &shop.stores.database;
        let hashes = "SELECT password FROM customer WHERE password IS NOT NULL";
        for hash in database.texts(hashes).await {
            assert!(hash.starts_with("$argon2id$"), "{hash}");
        }
        let cards = "SELECT credit_card FROM customer WHERE credit_card IS NOT NULL";
        let cards = database.texts(cards).await;
        assert_eq!(cards, ["XXXXXXXXXXXX4242"]);
    }
}

#[tokio::test]
async fn a_review_tells_of_its_author_no_more_than_a_name() {
    for shop in Shop::both().await {
        let customer = shop.customer().await;
        let review = json!({
            "review": "Fits.", "rating": 5, "name": "Somebody Else", "customer_id": 1,
            "created_on": "1999-01-01T00:00:00.000Z", "review_id": 1,
        });
        customer.success(&customer.post("/products/1/reviews", &review).await);
        let reviews = customer.success(&customer.get("/products/1/reviews").await);
        let latest = &reviews[0];
        let mut found = Vec::new();
        names(latest, &mut found);
        found.sort();
        assert_eq!(found, ["created_on", "name", "rating", "review"]);
        assert_eq!(latest["name"], customer.name.as_str());
        assert!(
            !latest["created_on"]
                .as_str()
                .expect("a time")
                .starts_with("1999")
        );
    }
}

/// Documents that say which properties there are let none slip in.
#[tokio::test]
async fn a_body_of_the_wrong_shape_changes_nothing() {
    let documents = Documents::read();
    for shop in Shop::both().await {
        let customer = shop.customer().await;
        let before = customer.success(&customer.get("/customer").await);
        for operation in documents.with_body().filter(is_for_everybody) {
            if operation.template == "/stripe/webhooks" {
                continue;
            }
            let path = crate::shop::documents::with_ids(operation.template);
            let nested = json!({ "name": { "$ne": "" }, "email": ["a@b.example"], "password": [] });
            let operators = json!({ "email[$ne]": "x", "password[$gt]": "", "__proto__": "x" });
            for body in [nested, operators] {
                let reply = customer.ask(super::method(operation), &path, &body).await;
                super::assert_clients_fault(&reply, &format!("{operation:?} {body}"));
            }
        }
        assert_eq!(customer.success(&customer.get("/customer").await), before);
    }
}
