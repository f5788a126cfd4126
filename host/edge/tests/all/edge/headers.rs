//! Header fields that every reply carries.

use http::Method;

use super::read;
use crate::harness::{Reply, TestNode, fixture};

/// What helmet 8.3 sends.
const HELMET: [(&str, &str); 12] = [
    (
        "content-security-policy",
        "default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';frame-ancestors 'self';img-src 'self' data:;object-src 'none';script-src 'self';script-src-attr 'none';style-src 'self' https: 'unsafe-inline';upgrade-insecure-requests",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("origin-agent-cluster", "?1"),
    ("referrer-policy", "no-referrer"),
    (
        "strict-transport-security",
        "max-age=31536000; includeSubDomains",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-dns-prefetch-control", "off"),
    ("x-download-options", "noopen"),
    ("x-frame-options", "SAMEORIGIN"),
    ("x-permitted-cross-domain-policies", "none"),
    ("x-xss-protection", "0"),
];

#[track_caller]
fn assert_fields(reply: &Reply, fields: &[(&str, &str)]) {
    for (name, value) in fields {
        let found: Vec<_> = reply.headers.get_all(*name).iter().collect();
        assert_eq!(found, [value], "{name}: {reply:?}");
    }
    assert_eq!(reply.header("server"), None);
    assert_eq!(reply.header("x-powered-by"), None);
}

async fn node(toml: &str) -> TestNode {
    let headers = read(toml).reply_headers;
    let plugins = [fixture("hello"), fixture("hostile")];
    TestNode::start(&plugins, |settings| settings.reply_headers = headers).await
}

#[tokio::test]
async fn every_reply_has_them() {
    let node = node("").await;
    for (path, status) in [
        ("/hello", 200),
        ("/nowhere", 404),
        ("/hostile/trap", 500),
        ("/hostile/echo", 405),
        ("/livez", 200),
    ] {
        let reply = node.get(path).await;
        reply.assert_status(status);
        assert_fields(&reply, &HELMET);
    }
    assert_fields(&node.request(Method::OPTIONS, "/hello").await, &HELMET);

    // What the HTTP library refuses, the plugins and the service never see.
    let mut wire = node.wire().await;
    wire.send("nonsense\r\n\r\n").await;
    let reply = wire.reply().await;
    reply.assert_refusal(400);
    assert_fields(&reply, &HELMET);
}

#[tokio::test]
async fn a_plugins_own_value_wins_and_what_serves_is_told_by_nobody() {
    let node = node("").await;
    let own = ("x-frame-options", "DENY");
    let reply = node.get("/hostile/headers").await;
    reply.assert_status(200);
    let rest = HELMET.iter().filter(|(name, _)| *name != own.0).copied();
    let expected: Vec<_> = rest.chain([own]).collect();
    assert_fields(&reply, &expected);
}

/// One plugin's reply says nothing for the whole origin, nor in the host's name.
#[tokio::test]
async fn what_is_the_hosts_to_write_no_plugin_writes() {
    let node = node("").await;
    let reply = node.get("/hostile/headers").await;
    reply.assert_status(200);
    let hsts = (
        "strict-transport-security",
        "max-age=31536000; includeSubDomains",
    );
    assert_fields(
        &reply,
        &[hsts, ("edge-region", "local"), ("set-cookie", "own=1")],
    );
    for name in [
        "alt-svc",
        "clear-site-data",
        "edge-mine",
        "service-worker-allowed",
        "via",
    ] {
        assert_eq!(reply.header(name), None, "{name}");
    }
}

#[tokio::test]
async fn the_operator_sets_single_ones_or_leaves_them_out() {
    let changed = node("[headers]\nreferrer-policy = 'same-origin'\nx-xss-protection = ''").await;
    let reply = changed.get("/hello").await;
    assert_fields(&reply, &[("referrer-policy", "same-origin"), HELMET[6]]);
    assert_eq!(reply.header("x-xss-protection"), None);

    let off = node("security_headers = false").await;
    let reply = off.get("/hello").await;
    for (name, _) in HELMET {
        assert_eq!(reply.header(name), None);
    }
    assert_fields(&off.get("/hostile/headers").await, &[]);
}

/// A plugin whose reply is a page, and one whose reply is not.
#[tokio::test]
async fn replies_of_an_api_carry_fewer_and_pages_all() {
    let node = node("security_headers = 'api'").await;
    let api = [
        (
            "content-security-policy",
            "default-src 'none';frame-ancestors 'none'",
        ),
        ("cross-origin-resource-policy", "same-origin"),
        HELMET[5],
        HELMET[6],
        ("x-frame-options", "DENY"),
    ];
    for path in ["/hello", "/nowhere"] {
        let reply = node.get(path).await;
        assert_fields(&reply, &api);
        assert_eq!(reply.header("origin-agent-cluster"), None);
        assert_eq!(reply.header("x-download-options"), None);
    }
    assert_fields(&node.get("/hostile/page").await, &HELMET);
}

/// Returns the bytes of a reply's header fields on the wire.
fn weight(reply: &Reply) -> usize {
    let fields = reply.headers.iter();
    fields
        .map(|(name, value)| name.as_str().len() + ": ".len() + value.len() + "\r\n".len())
        .sum()
}

/// The documentation tells these numbers.
#[tokio::test]
async fn the_fields_of_an_api_weigh_a_third_of_those_of_pages() {
    let mut weights = [0; 3];
    for (mode, weighed) in ["on", "api", "off"].into_iter().zip(&mut weights) {
        let node = node(&format!("security_headers = '{mode}'")).await;
        *weighed = weight(&node.get("/hello").await);
    }
    let [pages, api, none] = weights;
    assert_eq!((pages - none, api - none), (663, 231));
}

#[tokio::test]
async fn pages_that_may_read_replies_may_show_them() {
    let settings = read("cors_origins = ['https://shop.example']");
    let node = TestNode::start(&[fixture("hello")], |own| {
        own.reply_headers = settings.reply_headers;
        own.cors = settings.cors;
    })
    .await;
    let reply = node.get("/hello").await;
    assert_fields(&reply, &[("cross-origin-resource-policy", "cross-origin")]);
}
