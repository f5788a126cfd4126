//! Requests that are meant to hurt, and that a well-behaved parser takes.

use http::{Method, Request};
use serde_json::Value;

use crate::catalog::database::Store;
use crate::harness::{Reply, TestNode, fixture, get};
use crate::shop::{Shop, Stores};

#[tokio::test]
async fn an_encoded_body_is_refused_unread() {
    let node = TestNode::start(&[fixture("hostile")], |_| {}).await;
    for coding in ["gzip", "br", "deflate", "zstd", "gzip, gzip", "GZIP", "x"] {
        let request = Request::post(node.url("/hostile/echo")).header("content-encoding", coding);
        let reply = node.send(request, vec![0x1f, 0x8b, 8, 0]).await;
        reply.assert_refusal(415);
        assert_eq!(reply.header("accept-encoding"), Some("identity"));
    }
    for coding in ["identity", "Identity", ""] {
        let plain = Request::post(node.url("/hostile/echo")).header("content-encoding", coding);
        node.send(plain, "plain").await.assert_status(200);
    }
}

/// A line may end without its carriage return (RFC 9112 section 2.2), but no
/// second request may hide behind one that ends so.
#[tokio::test]
async fn bare_line_feeds_hide_nothing() {
    let node = TestNode::start(&[fixture("hello"), fixture("hostile")], |_| {}).await;
    let mut wire = node.wire().await;
    wire.send("GET /hostile/request HTTP/1.1\nhost: shop\nx-a: b\n\n")
        .await;
    let seen = wire.reply().await.json();
    let fields = serde_json::json!([["host", "shop"], ["x-a", "b"]]);
    assert_eq!(seen["headers"], fields);
    // Nothing was left over.
    wire.send(get("/hello")).await;
    assert_eq!(wire.reply().await.text(), "Hello, world!\n");

    for chunks in [
        "2\nhi\n0\n\n",
        "2\r\nhi\n0\r\n\r\n",
        "2;a\nb\r\nhi\r\n0\r\n\r\n",
    ] {
        let mut wire = node.wire().await;
        let head =
            "POST /hostile/echo HTTP/1.1\r\nhost: shop\r\ntransfer-encoding: chunked\r\n\r\n";
        wire.send(format!("{head}{chunks}")).await;
        wire.reply().await.assert_refusal(400);
        wire.assert_closed().await;
    }
}

async fn shop(store: Store) -> Shop {
    let stores = Stores::new(store).into();
    Shop::open(stores, |settings| settings.rate_limits = false).await
}

/// Customers' registrations with these bodies, which must be the client's
/// fault.
async fn assert_all_refused(node: &TestNode, bodies: &[String]) {
    for body in bodies {
        let reply = node.post("/customers", body.clone()).await;
        let shown: String = body.chars().take(100).collect();
        assert!((400..500).contains(&reply.status), "{shown}: {reply:?}");
        assert!(reply.json().is_object(), "{shown}: {reply:?}");
    }
    node.get("/products?limit=1").await.assert_status(200);
}

#[tokio::test]
async fn documents_that_break_parsers_are_the_clients_fault() {
    let name = |name: &str| {
        format!(r#"{{"name": {name}, "email": "a@b.example", "password": "long enough"}}"#)
    };
    let bodies = [
        "[".repeat(10_000),
        "{\"name\":".repeat(10_000),
        format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000)),
        name(&"[".repeat(10_000)),
        name(r#""\ud800""#),
        name(r#""\udc00\ud800""#),
        name(r#""a\u0000b""#),
        name("\"a\0b\""),
        name("\"a\nb\""),
        r#"{"name": "A", "name": "B", "email": "a@b.example", "password": "long enough"}"#.into(),
        format!("\u{feff}\u{feff}{}", name("\"A\"")),
        "null".into(),
        "\"".into(),
        String::new(),
    ];
    for store in Store::ALL {
        let shop = shop(store).await;
        assert_all_refused(&shop.node, &bodies).await;
    }
}

#[tokio::test]
async fn no_cart_id_reaches_past_its_cart() {
    let ids = [
        "*",
        "carts%3A*",
        "..%2F..%2Fcarts",
        "a%0D%0AFLUSHALL%0D%0A",
        "%7Bedge%7D%3Aorder%3Acarts%3Aa",
        "a%00b",
        "%ff%fe",
        "edge:order:carts:aaaaaaaaaaaa",
        "aaaaaaaaaaaaaaaaa*",
        "aaaaaaaaaaaaaaaaa%3F",
        "%5Baaaaaaaaaaaaaaaaaaaa%5D",
        &"a".repeat(33),
        &"a".repeat(4000),
    ];
    for store in Store::ALL {
        let shop = shop(store).await;
        let guest = shop.guest();
        let cart = guest.new_cart().await;
        let before = guest.add(&cart, 1, "L, Red").await;
        for id in ids {
            let paths = [
                (Method::GET, format!("/shoppingcart/{id}")),
                (Method::DELETE, format!("/shoppingcart/empty/{id}")),
                (Method::GET, format!("/shoppingcart/totalAmount/{id}")),
                (Method::GET, format!("/shoppingcart/getSaved/{id}")),
            ];
            for (method, path) in paths {
                let reply = shop.node.request(method, &path).await;
                assert_is_refused(&reply, &path);
            }
        }
        let after = shop.node.get(&format!("/shoppingcart/{cart}")).await;
        after.assert_status(200);
        let after = after.json();
        assert_eq!(after, before, "the cart is as it was");
    }
}

fn assert_is_refused(reply: &Reply, what: &str) {
    assert!((400..500).contains(&reply.status), "{what}: {reply:?}");
    assert!(
        matches!(reply.json(), Value::Object(_)),
        "{what}: {reply:?}"
    );
}
