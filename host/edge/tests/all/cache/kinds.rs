//! What is kept, what is not, and what clients are told.

use http::Request;
use serde_json::json;

use super::{shop, status};
use crate::harness::{Reply, TestNode, fixture, variant};

const STORED: &str = "fwd=miss; stored";

#[tokio::test]
async fn every_route_of_the_catalog_is_kept() {
    let shop = shop().await;
    for path in [
        "/departments",
        "/departments/1",
        "/categories",
        "/categories/1",
        "/categories/inProduct/1",
        "/categories/inDepartment/1",
        "/attributes",
        "/attributes/1",
        "/attributes/values/1",
        "/attributes/inProduct/1",
        "/products?limit=3&page=2",
        "/products/1",
        "/products/1/details",
        "/products/1/locations",
        "/products/1/reviews",
        "/products/inCategory/1",
        "/products/inDepartment/1",
        "/products/search?query_string=arc",
        "/products/987654",
    ] {
        let first = shop.node.get(path).await;
        assert_eq!(status(&first), STORED, "{path}");
        let second = shop.node.get(path).await;
        assert_eq!(status(&second), "hit", "{path}");
        assert_eq!(second.header("age"), Some("0"), "{path}");
        assert_eq!(first.status, second.status, "{path}");
        if first.status == 200 {
            assert_eq!(first.text(), second.text(), "{path}");
            assert_eq!(first.header("etag"), second.header("etag"), "{path}");
        }
        let merchant = shop.merchant().await.get(path).await;
        assert_eq!(status(&merchant), "fwd=bypass; detail=role", "{path}");
    }
    for path in ["/tax", "/shipping/regions", "/customer"] {
        let reply = shop.node.get(path).await;
        assert_eq!(reply.header("cache-status"), None, "{path}");
    }
}

#[tokio::test]
async fn clients_that_have_a_reply_are_told_so() {
    let shop = shop().await;
    let path = "/products?limit=20";
    let whole = shop.node.get(path).await;
    let tag = whole.header("etag").expect("a tag").to_owned();
    assert_eq!(whole.header("cache-control"), Some("no-cache"));
    let get = |name: &'static str, value: String| {
        let request = Request::get(shop.node.url(path)).header(name, value);
        shop.node.send(request, "")
    };
    let unchanged = get("if-none-match", format!("\"other\", {tag}")).await;
    assert_eq!(unchanged.status, 304);
    assert_eq!(
        (unchanged.text(), unchanged.header("etag")),
        ("", Some(&*tag))
    );
    assert_eq!(
        get("if-none-match", "\"other\"".to_owned()).await.status,
        200
    );
    let head = shop.node.send(Request::head(shop.node.url(path)), "").await;
    assert_eq!(status(&head), "hit");
    let length = whole.text().len().to_string();
    assert_eq!(head.header("content-length"), Some(&*length));
    // A body that was encoded has another tag, which is weak, and a condition finds both.
    for _ in 0..2 {
        let encoded = get("accept-encoding", "gzip".to_owned()).await;
        assert_eq!(encoded.header("content-encoding"), Some("gzip"));
        assert_eq!(encoded.header("etag"), Some(&*format!("W/{tag}")));
        assert!(encoded.body.len() < whole.body.len());
    }
    let unchanged = get("if-none-match", format!("W/{tag}")).await;
    assert_eq!(unchanged.status, 304);
}

#[tokio::test]
async fn who_asks_gets_an_own_reply() {
    let plugin = variant("../examples/who", "[cache]\nroutes = [\"/who\"]");
    let keys = |settings: &mut edge::config::Settings| {
        let key = "test:0123456789abcdef0123456789abcdef".to_owned();
        settings.keys.token_keys = Some(edge::config::Secret(key));
    };
    let node = TestNode::start(&[plugin, fixture("caller")], keys).await;
    let mut seen = Vec::new();
    for id in [7, 8] {
        let body = json!({ "id": id, "name": "Ada", "role": "customer" });
        let token = node.post("/caller/token", body.to_string()).await.json();
        let token = token["token"].as_str().expect("a token").to_owned();
        for _ in 0..2 {
            let reply = ask(&node, "/who/me", &token).await;
            assert_eq!(status(&reply), "fwd=miss; detail=caller");
            seen.push(reply.text().to_owned());
        }
    }
    assert_eq!(seen[0], seen[1]);
    assert_ne!(seen[0], seen[2]);
    // What the plugin itself forbids to keep is not kept for those without a token either.
    for token in ["", "forged"] {
        assert_ne!(status(&ask(&node, "/who", token).await), "hit");
    }
}

async fn ask(node: &TestNode, path: &str, token: &str) -> Reply {
    let request = Request::get(node.url(path)).header("user-key", format!("Bearer {token}"));
    node.send(request, "").await
}

#[tokio::test]
async fn what_depends_on_the_request_alone_is_nobody_elses() {
    let caller = variant("caller", "[cache]\nroutes = [\"/caller\"]");
    let hostile = variant("hostile", "[cache]\nroutes = [\"/hostile\"]");
    let node = TestNode::start(&[caller, hostile], |_| {}).await;
    for (path, reason) in [
        ("/caller", "all-headers"),
        ("/hostile/request", "request-id"),
    ] {
        for _ in 0..2 {
            let reply = node.get(path).await;
            assert_eq!(
                status(&reply),
                format!("fwd=miss; detail={reason}"),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn a_standard_handler_is_asked_each_time() {
    let plugin = variant("standard-p2", "[cache]\nroutes = [\"/standard-p2\"]");
    let node = TestNode::start(&[plugin], |_| {}).await;
    let path = "/standard-p2/echo";
    let reply = node.get(path).await;
    assert_eq!(status(&reply), "fwd=miss; detail=handler");
    assert_eq!(status(&node.get(path).await), "fwd=miss; detail=handler");
}

#[tokio::test]
async fn an_operator_sees_and_empties_the_cache_and_turns_it_off() {
    let shop = shop().await;
    let operator = shop.node.operator();
    for _ in 0..3 {
        shop.node.get("/products/1").await;
    }
    let state = operator.get("/v1/cache").await;
    assert_eq!(state["entries"], 1, "{state}");
    let route = &state["routes"][0];
    assert_eq!(route["route"], "/products/{product_id}", "{state}");
    assert_eq!(
        (&route["results"]["hit"], &route["results"]["stored"]),
        (&json!(2), &json!(1))
    );
    let why = operator
        .get("/v1/cache/why?target=%2Fapi%2Fv1%2Fproducts%2F1")
        .await;
    let known = &why["releases"]["product@0.1.0"];
    assert_eq!(
        (&known["state"], &known["is_current"]),
        (&json!("kept"), &json!(true)),
        "{why}"
    );
    let why = operator.get("/v1/cache/why?target=%2Ftax").await;
    assert!(why["releases"]["order@0.1.0"].is_null(), "{why}");
    let purged = operator.send(http::Method::DELETE, "/v1/cache", "").await;
    assert_eq!(purged.json()["entries"], 0);
    assert_eq!(status(&shop.node.get("/products/1").await), STORED);
    let audit = operator.get("/v1/audit").await;
    assert!(audit.to_string().contains("purge-cache"), "{audit}");
    let off = TestNode::start(&[fixture("../product")], |settings| {
        settings.reply_cache = 0
    })
    .await;
    assert_eq!(off.get("/products/1").await.header("cache-status"), None);
    let refused = off
        .operator()
        .send(http::Method::GET, "/v1/cache", "")
        .await;
    assert_eq!(refused.status, 409);
}
