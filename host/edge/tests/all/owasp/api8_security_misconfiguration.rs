//! API8:2023 Security Misconfiguration: replies carry what protects browsers,
//! errors tell nothing of the inside, and nothing is served that should not
//! be.
//!
//! Also: `edge/headers` (the twelve fields, on every kind of reply), `edge/cors`
//! (nobody by default, and never all with credentials), `edge/tls` (versions,
//! certificates), `ingress/routing` (methods such as TRACE), `start` (settings
//! that are wrong end the start; secrets are this user's alone). Here: the
//! whole shop's replies, errors of every part, and files that scanners ask for.

use http::Method;
use serde_json::{Value, json};

use super::method;
use crate::harness::Reply;
use crate::shop::Shop;
use crate::shop::documents::{Documents, with_ids};

/// What a reply must say about itself.
#[track_caller]
fn assert_protected(reply: &Reply, what: &str) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "SAMEORIGIN"),
        ("referrer-policy", "no-referrer"),
        ("content-type", "application/json; charset=utf-8"),
    ] {
        assert_eq!(reply.header(name), Some(value), "{what}: {reply:?}");
    }
    for name in ["content-security-policy", "strict-transport-security"] {
        assert!(reply.header(name).is_some(), "{what}: {reply:?}");
    }
    for name in ["server", "x-powered-by", "access-control-allow-origin"] {
        assert_eq!(reply.header(name), None, "{what}: {reply:?}");
    }
}

/// What only the inside of the node knows.
const INSIDE: [&str; 14] = [
    ".rs:",
    "/src/",
    "panicked",
    "backtrace",
    "wasm",
    "SELECT ",
    "INSERT ",
    "sqlx",
    "SQLITE",
    "mysql",
    "redis",
    "127.0.0.1",
    "/tmp/",
    "RUST_",
];

#[track_caller]
fn assert_discreet(reply: &Reply, what: &str) {
    let text = reply.text();
    for inside in INSIDE {
        assert!(!text.contains(inside), "{what}: {inside}: {text}");
    }
}

#[tokio::test]
async fn every_route_protects_browsers_and_tells_nothing_of_the_inside() {
    let documents = Documents::read();
    for shop in Shop::both().await {
        let (guest, merchant) = (shop.guest(), shop.merchant().await);
        for operation in documents.operations() {
            let path = with_ids(operation.template);
            for shopper in [&guest, &merchant] {
                for body in [Value::Null, json!({ "id": "'", "name": "\u{0}" })] {
                    if operation.method == "DELETE" && shopper.token.is_some() {
                        continue;
                    }
                    let reply = shopper.ask(method(operation), &path, &body).await;
                    let what = format!("{:?}: {operation:?} {body}", shop.store());
                    assert!(reply.status < 500, "{what}: {reply:?}");
                    assert_protected(&reply, &what);
                    if reply.status >= 400 {
                        assert_discreet(&reply, &what);
                    }
                }
            }
        }
    }
}

/// What is not there, however it is asked for.
const SCANNED: [&str; 24] = [
    "/.env",
    "/.git/config",
    "/.well-known/security.txt",
    "/edge.toml",
    "/data/shop.sqlite",
    "/shop.sqlite",
    "/secrets/token-key",
    "/plugin.toml",
    "/metrics",
    "/debug/pprof",
    "/actuator/env",
    "/server-status",
    "/console",
    "/graphql",
    "/swagger.json",
    "/phpinfo.php",
    "/wp-login.php",
    "/admin",
    "/products/../../etc/passwd",
    "/products/%2e%2e/%2e%2e/etc/passwd",
    "/products/..%2f..%2f..%2fetc%2fpasswd",
    "/products/....//....//etc/passwd",
    "/products/%00",
    "/~root",
];

#[tokio::test]
async fn nothing_is_served_that_is_no_route() {
    for shop in Shop::both().await {
        for path in SCANNED {
            let reply = shop.node.get(path).await;
            super::assert_clients_fault(&reply, path);
            assert_protected(&reply, path);
            assert_discreet(&reply, path);
        }
        for (path, status) in [("/products", 405), ("/customer", 405), ("/nowhere", 404)] {
            let reply = shop.node.request(Method::TRACE, path).await;
            reply.assert_status(status);
        }
    }
}
