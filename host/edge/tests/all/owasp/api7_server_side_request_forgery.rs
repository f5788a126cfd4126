//! API7:2023 Server Side Request Forgery: nobody chooses where the node sends
//! a request.
//!
//! Also: `outbound/grants` (only the granted origin, however else an address
//! is written; names of private addresses), `outbound` (redirects are not
//! followed), and in the host `egress/http/address` (which addresses are
//! public) and `egress/http/resolver` (a name is resolved once, and what was
//! checked is what is connected to). Here: other kinds of URLs, texts of
//! clients that look like URLs, and such as would write into a request.

use serde_json::json;
use tokio::net::TcpListener;
use url::form_urlencoded;

use super::code;
use crate::harness::{TestNode, variant};
use crate::shop::Shop;

/// Somebody who must not be called.
struct Trap(TcpListener);

impl Trap {
    async fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.expect("a free port"))
    }

    fn url(&self) -> String {
        format!("http://{}/x.png", self.0.local_addr().expect("its address"))
    }

    /// Check that nobody has connected.
    async fn assert_untouched(&self) {
        let accepted = tokio::time::timeout(std::time::Duration::from_millis(200), self.0.accept());
        assert!(accepted.await.is_err(), "somebody was called");
    }
}

#[tokio::test]
async fn only_http_is_spoken() {
    let trap = Trap::new().await;
    let port = trap.0.local_addr().expect("its address").port();
    let grant = format!("[grants]\noutbound = ['http://127.0.0.1:{port}']");
    let node = TestNode::start(&[variant("fetch", &grant)], |_| {}).await;
    for url in [
        "file:///etc/passwd".to_owned(),
        format!("file://127.0.0.1:{port}/etc/passwd"),
        format!("gopher://127.0.0.1:{port}/_GET%20/"),
        format!("ftp://127.0.0.1:{port}/x"),
        format!("dict://127.0.0.1:{port}/x"),
        format!("ws://127.0.0.1:{port}/x"),
        format!("//127.0.0.1:{port}/x"),
        format!("http:127.0.0.1:{port}/x"),
        format!("http://127.0.0.1:{port}\\@example.com/"),
        format!("http://127.0.0.1:{port}.example.com/"),
        format!("http://127.0.0.1%2f:{port}/"),
        format!("http://0x7f000001:{port}/"),
        format!("http://0:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://①②⑦.0.0.1:{port}/"),
        "data:text/plain,x".to_owned(),
        String::new(),
    ] {
        let encoded: String = form_urlencoded::byte_serialize(url.as_bytes()).collect();
        let reply = node
            .get(&format!("/fetch?url={encoded}&timeout_ms=300"))
            .await;
        reply.assert_status(200);
        let answer = reply.json();
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(["denied", "invalid"].contains(&error), "{url}: {answer}");
    }
    trap.assert_untouched().await;
}

#[tokio::test]
async fn a_text_that_looks_like_a_url_is_a_text() {
    let trap = Trap::new().await;
    let shops = Shop::both_with(|settings| {
        let config = &mut settings.plugin_config.0;
        // Nobody listens there.
        let base = "http://127.0.0.1:1".to_owned();
        config.insert("FACEBOOK_GRAPH_BASE".to_owned(), base);
    });
    for shop in shops.await {
        let (customer, merchant) = (shop.customer().await, shop.merchant().await);
        let url = trap.url();
        let product = json!({
            "name": url, "description": url, "price": "1.00",
            "image": url, "image_2": url, "thumbnail": url,
        });
        let made = merchant.success(&merchant.post("/admin/products", &product).await);
        let path = format!("/products/{}", made["product_id"]);
        customer.success(&customer.get(&path).await);
        let review = json!({ "review": url, "rating": 5 });
        customer.success(&customer.post(&format!("{path}/reviews"), &review).await);
        let profile = json!({ "name": url, "email": customer.email });
        customer.success(&customer.put("/customer", &profile).await);
        let facebook = json!({ "access_token": format!("x@{url}") });
        let reply = customer.post("/customers/facebook", &facebook).await;
        reply.assert_status(503);
    }
    trap.assert_untouched().await;
}

/// What cannot stand in a header field of a request to Facebook, is no token.
#[tokio::test]
async fn no_token_writes_into_a_request() {
    let trap = Trap::new().await;
    let base = trap.url();
    let shops = Shop::both_with(|settings| {
        let config = &mut settings.plugin_config.0;
        config.insert("FACEBOOK_GRAPH_BASE".to_owned(), base.clone());
    });
    for shop in shops.await {
        let guest = shop.guest();
        for token in [
            "a\r\nhost: evil.example",
            "a\nb",
            "a b",
            "a\u{0}",
            "a\u{85}b",
            "",
            " ",
            &"a".repeat(5000),
        ] {
            let fields = json!({ "access_token": token });
            let reply = guest.post("/customers/facebook", &fields).await;
            assert!(
                ["AUT_02", "USR_02"].contains(&code(&reply).as_str()),
                "{token:?}: {reply:?}"
            );
        }
    }
    trap.assert_untouched().await;
}
