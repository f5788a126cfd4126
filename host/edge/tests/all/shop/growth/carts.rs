//! Carts, which anybody may fill without an account.

use http::Request;
use serde_json::json;

use super::{assert_code, both_with_orders};
use crate::harness::{Reply, fixture, variant};
use crate::shop::Shop;

/// Five KiB of carts for a client.
const SMALL: &str = r#"
[[rate-limit]]
name = "cart-growth"
by = "address"
quota = 5
window = "1h"
"#;

async fn add(shop: &Shop, client: &str, attributes: &str) -> Reply {
    let cart = shop.guest().new_cart().await;
    let fields = json!({ "cart_id": cart, "product_id": 1, "attributes": attributes });
    let request = Request::post(shop.node.url("/shoppingcart/add"))
        .header("x-forwarded-for", client)
        .header("content-type", "application/json");
    shop.node.send(request, fields.to_string()).await
}

#[track_caller]
fn assert_too_many(reply: &Reply) {
    assert_code(reply, 429, "HTTP_429");
    assert!(reply.header("retry-after").is_some(), "{reply:?}");
}

#[tokio::test]
async fn a_client_fills_so_many_carts_and_no_more() {
    let behind_a_proxy = |settings: &mut edge::config::Settings| {
        settings.trusted_proxies = "127.0.0.0/8".parse().expect("a network");
    };
    for shop in both_with_orders(SMALL, behind_a_proxy).await {
        for _ in 0..5 {
            add(&shop, "192.0.2.1", "L").await.assert_status(200);
        }
        assert_too_many(&add(&shop, "192.0.2.1", "L").await);
        add(&shop, "192.0.2.2", "L").await.assert_status(200);
        // One client has a whole network of IPv6 addresses.
        for host in 1..=5 {
            let client = format!("2001:db8:1:2::{host}");
            add(&shop, &client, "L").await.assert_status(200);
        }
        assert_too_many(&add(&shop, "2001:db8:1:2:3:4:5:6", "L").await);
        add(&shop, "2001:db8:1:3::1", "L").await.assert_status(200);
        // What takes more room counts for more.
        let long = "👕".repeat(1000);
        add(&shop, "192.0.2.3", &long).await.assert_status(200);
        assert_too_many(&add(&shop, "192.0.2.3", "L").await);
    }
}

/// So does whoever registers.
#[tokio::test]
async fn a_network_of_ipv6_addresses_registers_as_one_client() {
    let two = variant(
        "../customer",
        "[[rate-limit]]\nname = \"registration\"\nby = \"address\"\nquota = 2\nwindow = \"1h\"\n\
         [[rate-limit]]\nname = \"login-account\"\nby = \"field:email\"\nquota = 10\nwindow = \"1m\"\n",
    );
    let plugins = [
        two,
        fixture("../order"),
        fixture("../payment"),
        fixture("../product"),
    ];
    let trust = |settings: &mut edge::config::Settings| {
        settings.trusted_proxies = "127.0.0.0/8".parse().expect("a network");
    };
    let node = crate::harness::TestNode::start(&plugins, trust).await;
    let register = async |client: &str, name: &str| {
        let fields = json!({
            "name": name, "email": format!("{name}@example.com"), "password": "correct horse",
        });
        let request = Request::post(node.url("/customers"))
            .header("x-forwarded-for", client)
            .header("content-type", "application/json");
        node.send(request, fields.to_string()).await.status
    };
    assert_eq!(register("2001:db8:1:2::1", "ada").await, 200);
    assert_eq!(register("2001:db8:1:2::2", "bea").await, 200);
    assert_eq!(register("2001:db8:1:2::3", "cleo").await, 429);
    assert_eq!(register("2001:db8:1:3::1", "dora").await, 200);
}
