//! API5:2023 Broken Function Level Authorization: what only merchants or
//! operators may do is closed to everybody else, whatever the method, and
//! whoever's token it is.
//!
//! Also: `shop/authorization` (what is for merchants, with a customer's token
//! and with none), `rollout/access` (the operators' port, and that nothing of
//! it is at the shop's). Here: methods that no document has, tokens at the
//! wrong port, and fields that claim another method or path.

use http::{Method, Request};
use serde_json::{Value, json};

use super::method;
use crate::harness::{Operation, TOKEN};
use crate::shop::documents::{Documents, with_ids};
use crate::shop::{Shop, Shopper};

const METHODS: [Method; 5] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];

/// The operators' routes.
const OPERATORS: [(Method, &str); 9] = [
    (Method::GET, "/v1/status"),
    (Method::GET, "/v1/audit"),
    (Method::GET, "/v1/logs"),
    (Method::GET, "/metrics"),
    (Method::POST, "/v1/rollouts"),
    (Method::POST, "/v1/plugins/product/promote"),
    (Method::POST, "/v1/plugins/product/rollback"),
    (Method::DELETE, "/v1/plugins/product"),
    (Method::GET, "/v1/plugins/product/releases"),
];

/// Whether two paths with parameters can be one.
fn overlap(one: &str, other: &str) -> bool {
    let (one, other) = (one.split('/'), other.split('/'));
    one.clone().count() == other.clone().count()
        && one
            .zip(other)
            .all(|(a, b)| a == b || a.starts_with('{') || b.starts_with('{'))
}

#[tokio::test]
async fn no_path_does_anything_by_a_method_that_it_does_not_have() {
    let documents = Documents::read();
    let all: Vec<_> = documents.operations().collect();
    let known = |wanted: &Method, template: &str| {
        let mut all = all.iter();
        all.any(|one| one.method == wanted.as_str() && overlap(one.template, template))
    };
    for shop in Shop::both().await {
        let merchant = shop.merchant().await;
        for Operation { template, .. } in &all {
            for wanted in METHODS.iter().filter(|wanted| !known(wanted, template)) {
                let path = with_ids(template);
                let reply = merchant.ask(wanted.clone(), &path, &json!({})).await;
                reply.assert_refusal(405);
                let allowed = reply.header("allow").expect("which there are");
                assert!(
                    !allowed.contains(wanted.as_str()),
                    "{wanted} {path}: {allowed}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_shoppers_token_is_none_at_the_operators_port() {
    for shop in Shop::both().await {
        let (customer, merchant) = (shop.customer().await, shop.merchant().await);
        let operator = shop.node.operator();
        for shopper in [&customer, &merchant] {
            let token = shopper.token.as_deref().expect("a token");
            for (method, path) in OPERATORS {
                for field in ["authorization", "user-key"] {
                    let request = operator.request(method.clone(), path).header(field, token);
                    operator.exchange(request, "{}").await.assert_status(401);
                }
            }
        }
        // What serves is as it was.
        merchant.success(&merchant.get("/products?limit=1").await);
    }
}

#[tokio::test]
async fn an_operators_token_is_none_at_the_shops_port() {
    for shop in Shop::both().await {
        let mut somebody = shop.guest();
        somebody.token = Some(format!("Bearer {TOKEN}"));
        for path in [
            "/admin/orders",
            "/admin/payments",
            "/admin/products/1",
            "/customer",
        ] {
            somebody.get(path).await.assert_status(401);
        }
        for (method, path) in OPERATORS {
            let reply = somebody.ask(method, path, &Value::Null).await;
            reply.assert_status(404);
        }
    }
}

/// Fields by which proxies and frameworks let a client say another method or
/// path than the request line's.
const CLAIMS: [(&str, &str); 6] = [
    ("x-http-method-override", "DELETE"),
    ("x-http-method", "DELETE"),
    ("x-method-override", "DELETE"),
    ("x-original-url", "/admin/orders"),
    ("x-rewrite-url", "/admin/orders"),
    ("x-forwarded-prefix", "/admin"),
];

#[tokio::test]
async fn a_field_does_not_change_what_is_asked_for() {
    for shop in Shop::both().await {
        let customer = shop.customer().await;
        let cart = customer.new_cart().await;
        let before = customer.add(&cart, 1, "L, Red").await;
        let path = format!("/shoppingcart/{cart}");
        let reply = customer
            .ask_with(Method::GET, &path, &CLAIMS, &Value::Null)
            .await;
        assert_eq!(customer.success(&reply), before);
        let path = format!("/shoppingcart/empty/{cart}?_method=DELETE");
        let reply = customer
            .ask_with(Method::POST, &path, &CLAIMS, &json!({}))
            .await;
        reply.assert_refusal(405);
        assert_is_full(&customer, &cart, &before).await;
    }
}

async fn assert_is_full(customer: &Shopper<'_>, cart: &str, before: &Value) {
    let after = customer.success(&customer.get(&format!("/shoppingcart/{cart}")).await);
    assert_eq!(&after, before);
}

/// Other ways to write a path that leads to what is closed.
#[tokio::test]
async fn a_path_that_is_written_otherwise_opens_nothing() {
    let paths = [
        "/admin/orders",
        "/admin//orders",
        "//admin/orders",
        "/ADMIN/orders",
        "/Admin/Orders",
        "/admin/orders/",
        "/admin/orders/.",
        "/admin/./orders",
        "/tax/../admin/orders",
        "/tax/%2e%2e/admin/orders",
        "/%61dmin/orders",
        "/admin%2forders",
        "/admin/orders;x=1",
        "/admin/orders%00",
        "/admin/orders%20",
        "/api/v1/admin/orders",
        "/api/v1/../v1/admin/orders",
    ];
    let documents = Documents::read();
    assert!(
        documents
            .operations()
            .any(|one| method(one) == Method::GET && one.template == paths[0])
    );
    for shop in Shop::both().await {
        let customer = shop.customer().await;
        for path in paths {
            let token = customer.token.as_deref().expect("a token");
            let request = Request::get(shop.node.url(path)).header("user-key", token);
            let reply = shop.node.send(request, "").await;
            assert!([400, 403, 404].contains(&reply.status), "{path}: {reply:?}");
            assert!(reply.json().get("rows").is_none(), "{path}: {reply:?}");
        }
    }
}
