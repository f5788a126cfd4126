//! Paths as public front ends of this API spell them: in another case, and
//! with a final slash.

use std::sync::Arc;

use http::Method;
use serde_json::json;

use super::{Shop, Stores};
use crate::catalog::database::Store;

/// Paths that front ends ask for, and the documented ones.
const SPELLINGS: [(&str, &str); 10] = [
    ("/departments/", "/departments"),
    ("/Departments/2", "/departments/2"),
    ("/categories/indepartment/1/", "/categories/inDepartment/1"),
    (
        "/products/inCATEGORY/1/?limit=2",
        "/products/inCategory/1?limit=2",
    ),
    (
        "/products/Search/?query_string=shirt&limit=2",
        "/products/search?query_string=shirt&limit=2",
    ),
    ("/products/2/Reviews/", "/products/2/reviews"),
    ("/attributes/inproduct/2", "/attributes/inProduct/2"),
    ("/API/v1/tax/", "/tax"),
    ("/shipping/Regions/2/", "/shipping/regions/2"),
    ("/products/nowhere/", "/products/nowhere"),
];

/// A shop on SQLite.
async fn shop() -> Shop {
    Shop::open(Arc::new(Stores::new(Store::Sqlite)), |_| {}).await
}

#[tokio::test]
async fn case_of_literals_and_a_final_slash_make_no_difference() {
    let shop = shop().await;
    for (spelled, documented) in SPELLINGS {
        let (seen, expected) = (
            shop.node.get(spelled).await,
            shop.node.get(documented).await,
        );
        assert_eq!(seen.status, expected.status, "{spelled}");
        assert!(seen.header("location").is_none(), "{spelled}");
        assert_eq!(seen.text(), expected.text(), "{spelled}");
    }
    for nowhere in ["/departments//", "//departments", "/products/2/reviews//"] {
        shop.node.get(nowhere).await.assert_status(404);
    }
}

#[tokio::test]
async fn a_cart_is_filled_in_the_spelling_of_most_front_ends() {
    for shop in Shop::both().await {
        let guest = shop.guest();
        let made = guest.get("/shoppingCart/generateUniqueId/").await;
        let made = guest.success(&made);
        let cart = made["cart_id"].as_str().expect("an id");
        let fields = json!({ "cart_id": cart, "product_id": 1, "attributes": "L, White" });
        let added = guest.post("/shoppingCart/add", &fields).await;
        assert_eq!(guest.success(&added)[0]["quantity"], 1);
        let seen = guest.get(&format!("/ShoppingCart/{cart}/")).await;
        assert_eq!(guest.success(&seen)[0]["product_id"], 1);
        // An id is another one in another case.
        let other: String = cart.chars().map(swap_case).collect();
        assert_ne!(other, cart);
        let seen = guest.get(&format!("/shoppingcart/{other}")).await;
        assert_eq!(guest.success(&seen), json!([]));
    }
}

fn swap_case(letter: char) -> char {
    match letter.is_ascii_uppercase() {
        true => letter.to_ascii_lowercase(),
        false => letter.to_ascii_uppercase(),
    }
}

#[tokio::test]
async fn another_spelling_is_the_same_route_to_limits_and_metrics() {
    let shop = shop().await;
    let customer = shop.customer().await;
    let fields = json!({ "email": customer.email, "password": "not the password" });
    let mut refused = 0;
    for path in ["/customers/login", "/Customers/LOGIN", "/customers/Login/"]
        .iter()
        .cycle()
        .take(15)
    {
        let reply = customer.post(path, &fields).await;
        refused += usize::from(reply.status == 429);
    }
    assert!(refused >= 4, "of 15 tries in a minute, ten are answered");
    let allowed = customer
        .ask(Method::PATCH, "/Products/2/", &json!({}))
        .await;
    allowed.assert_status(405);
    shop.node.get("/PRODUCTS/2/").await.assert_status(200);
    let metrics = shop.node.operator().send(Method::GET, "/metrics", "").await;
    let metrics = metrics.text();
    assert!(
        metrics.contains(r#"http_route="/products/{product_id}""#),
        "{metrics}"
    );
    assert!(!metrics.contains("PRODUCTS"), "{metrics}");
}
