//! The catalog's OpenAPI document, held against what the shop really says.

mod requests;

use std::collections::BTreeSet;

use http::{Method, Request};
use serde_json::{Value, json};

use super::shop::Shop;
use crate::harness::{Document, Operation, Reply};
use requests::{Case, cases};

const DOCUMENT: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../plugins/product/openapi.yaml"
));

/// What a client that can do with either form of errors accepts.
const PROBLEM: &str = "application/problem+json";

async fn ask(shop: &Shop, case: &Case, accept: &str) -> Reply {
    let request = Request::builder().method(case.method.clone());
    let request = request.uri(shop.node.url(&case.path));
    shop.node.send(request.header("accept", accept), "").await
}

#[tokio::test]
async fn every_reply_without_a_token_is_as_documented_and_every_such_reply_is_seen() {
    let document = Document::read(DOCUMENT);
    for shop in Shop::both().await {
        let mut seen = BTreeSet::new();
        for case in cases() {
            for accept in ["application/json", PROBLEM] {
                let reply = ask(&shop, &case, accept).await;
                let said = format!("{:?}: {}: {reply:?}", shop.store, case.path);
                assert_eq!(reply.status, case.status, "{said}");
                let operation = document.operation(case.method.as_str(), case.template);
                let response = document
                    .check(operation, &reply)
                    .unwrap_or_else(|problem| panic!("{problem}; {said}"));
                seen.insert((operation, response));
            }
        }
        let all = document.responses_without_token();
        let unseen: Vec<_> = all.difference(&seen).collect();
        assert_eq!(
            unseen,
            Vec::<&(Operation<'_>, String)>::new(),
            "{:?}",
            shop.store
        );
    }
}

#[test]
fn every_route_is_documented_and_every_documented_route_exists() {
    let document = Document::read(DOCUMENT);
    let router = product::router();
    let served: BTreeSet<_> = router
        .routes()
        .map(|(method, template)| Operation { method, template })
        .collect();
    assert_eq!(document.operations(), served);
}

#[tokio::test]
async fn methods_that_are_not_documented_are_refused_as_documented() {
    let document = Document::read(DOCUMENT);
    for shop in Shop::both().await {
        for case in cases().into_iter().filter(|case| case.status == 200) {
            let reply = shop.node.request(Method::DELETE, &case.path).await;
            reply.assert_status(405);
            let operation = Operation {
                method: "GET",
                template: case.template,
            };
            let response = document.check(operation, &reply);
            assert_eq!(response, Ok("default".to_owned()), "{}", case.path);
        }
    }
}

/// A reply with something changed that a client would stumble over.
type Spoilt = (&'static str, fn(&mut Reply, &mut Value));

const SPOILT: [Spoilt; 12] = [
    ("no count", |_, body| remove(body, "count")),
    ("a count in text", |_, body| body["count"] = json!("1")),
    ("a negative count", |_, body| body["count"] = json!(-1)),
    ("no price", |_, body| remove(&mut body["rows"][0], "price")),
    ("a price as a number", |_, body| {
        body["rows"][0]["price"] = json!(16.95)
    }),
    ("a price without cents", |_, body| {
        body["rows"][0]["price"] = json!("16")
    }),
    ("no name", |_, body| body["rows"][0]["name"] = Value::Null),
    ("an id of 0", |_, body| {
        body["rows"][0]["product_id"] = json!(0)
    }),
    ("one field more", |_, body| {
        body["rows"][0]["cost"] = json!("1.00")
    }),
    ("rows that are none", |_, body| body["rows"] = json!({})),
    ("an error as a success", |_, body| {
        *body = json!({ "error": {} })
    }),
    ("another content type", |reply, _| {
        let html = http::HeaderValue::from_static("text/html");
        reply.headers.insert("content-type", html);
    }),
];

fn remove(object: &mut Value, field: &str) {
    let removed = object
        .as_object_mut()
        .and_then(|object| object.remove(field));
    assert!(removed.is_some(), "there was no {field}");
}

#[tokio::test]
async fn a_reply_that_is_not_as_documented_is_noticed() {
    let document = Document::read(DOCUMENT);
    let [shop, _] = Shop::both().await;
    let operation = Operation {
        method: "GET",
        template: "/products",
    };
    let sound = shop.get("/products?limit=1").await;
    assert_eq!(document.check(operation, &sound), Ok("200".to_owned()));
    for (what, spoil) in SPOILT {
        let mut reply = sound.clone();
        let mut body = reply.json();
        spoil(&mut reply, &mut body);
        reply.body = body.to_string().into();
        assert!(document.check(operation, &reply).is_err(), "{what}");
    }
    let unknown = Operation {
        method: "GET",
        template: "/prices",
    };
    assert!(document.check(unknown, &sound).is_err());

    let refused = shop.get("/products?limit=0").await;
    assert_eq!(document.check(operation, &refused), Ok("400".to_owned()));
    let disguised = Reply {
        status: 200,
        ..refused.clone()
    };
    assert!(document.check(operation, &disguised).is_err());
    let mut nameless = refused.clone();
    nameless.body = r#"{"error":{"status":400,"message":"No code."}}"#.into();
    assert!(document.check(operation, &nameless).is_err());
    let success = Reply {
        status: 201,
        ..sound
    };
    assert!(document.check(operation, &success).is_err());
}
