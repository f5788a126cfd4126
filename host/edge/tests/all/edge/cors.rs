//! Pages of other origins.

use http::{Method, Request};

use super::read;
use crate::harness::{Reply, TestNode, fixture};

const SHOP: &str = "https://shop.example";

async fn node(toml: &str) -> TestNode {
    let cors = read(toml).cors;
    let plugins = [fixture("hello"), fixture("hostile")];
    TestNode::start(&plugins, |settings| settings.cors = cors).await
}

async fn ask(node: &TestNode, method: Method, fields: &[(&str, &str)]) -> Reply {
    let mut request = Request::builder().method(method).uri(node.url("/hello"));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    node.send(request, "").await
}

async fn get(node: &TestNode, origin: &str) -> Reply {
    ask(node, Method::GET, &[("origin", origin)]).await
}

async fn preflight(node: &TestNode, origin: &str) -> Reply {
    let method = ("access-control-request-method", "PUT");
    ask(node, Method::OPTIONS, &[("origin", origin), method]).await
}

#[tokio::test]
async fn without_the_setting_browsers_let_nobody_in() {
    let node = node("").await;
    let reply = get(&node, SHOP).await;
    reply.assert_status(200);
    assert_eq!(reply.header("access-control-allow-origin"), None);
    assert_eq!(reply.header("vary"), None);
    // The plugin answers.
    let reply = preflight(&node, SHOP).await;
    assert_eq!(reply.header("allow"), Some("GET, HEAD, OPTIONS"));
}

#[tokio::test]
async fn a_listed_page_may_read_replies_and_others_may_not() {
    let node = node(
        "cors_origins = ['https://shop.example', 'http://localhost:3000']\ncors_credentials = true",
    )
    .await;
    for origin in [SHOP, "http://localhost:3000"] {
        let reply = get(&node, origin).await;
        reply.assert_status(200);
        assert_eq!(reply.header("access-control-allow-origin"), Some(origin));
        assert_eq!(
            reply.header("access-control-allow-credentials"),
            Some("true")
        );
        let exposed = reply.header("access-control-expose-headers");
        let exposed: Vec<_> = exposed.unwrap_or_default().split(", ").collect();
        for field in [
            "edge-request-id",
            "idempotent-replayed",
            "link",
            "ratelimit",
            "retry-after",
        ] {
            assert!(exposed.contains(&field), "{field}: {exposed:?}");
        }
        assert_eq!(reply.header("vary"), Some("origin"));
    }
    for origin in [
        "https://shop.example.evil.example",
        "http://shop.example",
        "https://shop.example:8443",
        "null",
        "",
    ] {
        let reply = get(&node, origin).await;
        reply.assert_status(200);
        assert_eq!(reply.header("access-control-allow-origin"), None);
        assert_eq!(reply.header("access-control-allow-credentials"), None);
        assert_eq!(reply.header("vary"), Some("origin"), "for caches");
    }
    let refused = ask(&node, Method::PUT, &[("origin", SHOP)]).await;
    refused.assert_refusal(405);
    assert_eq!(refused.header("access-control-allow-origin"), Some(SHOP));
}

#[tokio::test]
async fn a_preflight_is_answered_before_any_plugin() {
    let node = node(
        "cors_origins = 'https://shop.example'\ncors_methods = 'GET, PUT'\ncors_headers = 'X-One'\ncors_max_age = '1m'",
    )
    .await;
    let reply = preflight(&node, SHOP).await;
    reply.assert_status(204);
    assert!(reply.body.is_empty());
    for (name, value) in [
        ("access-control-allow-origin", Some(SHOP)),
        ("access-control-allow-methods", Some("GET, PUT")),
        ("access-control-allow-headers", Some("x-one")),
        ("access-control-max-age", Some("60")),
        ("access-control-allow-credentials", None),
        ("allow", None),
        ("vary", Some("origin")),
    ] {
        assert_eq!(reply.header(name), value, "{name}");
    }
    let reply = preflight(&node, "https://evil.example").await;
    reply.assert_status(204);
    for name in [
        "access-control-allow-origin",
        "access-control-allow-methods",
        "access-control-allow-headers",
    ] {
        assert_eq!(reply.header(name), None, "{name}");
    }
    // Other questions are the plugin's.
    let reply = ask(&node, Method::OPTIONS, &[("origin", SHOP)]).await;
    reply.assert_status(200);
    assert_eq!(reply.header("allow"), Some("GET, HEAD, OPTIONS"));
    assert_eq!(reply.header("access-control-allow-origin"), Some(SHOP));
}

#[tokio::test]
async fn any_page_may_read_where_there_are_no_credentials() {
    let node = node("cors_origins = '*'").await;
    for reply in [get(&node, SHOP).await, preflight(&node, "null").await] {
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
        assert_eq!(reply.header("access-control-allow-credentials"), None);
        assert_eq!(reply.header("vary"), None);
    }
    // Without an origin, no page asks.
    let reply = ask(&node, Method::GET, &[]).await;
    assert_eq!(reply.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn what_a_plugin_says_does_not_open_the_door() {
    for toml in ["", "cors_origins = 'https://shop.example'"] {
        let node = node(toml).await;
        let request =
            Request::get(node.url("/hostile/headers")).header("origin", "https://evil.example");
        let reply = node.send(request, "").await;
        reply.assert_status(200);
        let mut names = reply.headers.keys().map(http::HeaderName::as_str);
        let found = names.find(|name| name.starts_with("access-control-"));
        assert_eq!(found, None, "{toml:?}");
    }
    let node = node("cors_origins = 'https://shop.example'").await;
    let request = Request::get(node.url("/hostile/headers")).header("origin", SHOP);
    let reply = node.send(request, "").await;
    for (name, value) in [
        ("access-control-allow-origin", Some(SHOP)),
        ("access-control-allow-credentials", None),
        ("access-control-allow-private-network", None),
    ] {
        assert_eq!(reply.header(name), value, "{name}");
    }
    assert_ne!(reply.header("access-control-expose-headers"), Some("*"));
    let vary: Vec<_> = reply.headers.get_all("vary").iter().collect();
    assert_eq!(vary, ["accept", "origin"]);
}
