//! The rate limits of the contract.

use std::time::Duration;

use edge::config::Rate;
use serde_json::{Value, json};

use super::{Shop, Shopper};
use crate::harness::Reply;

/// Check that this is the refusal of one too many, and that it says when to
/// come back: within so many seconds.
#[track_caller]
fn assert_too_many(reply: &Reply, most: u64) {
    reply.assert_refusal(429);
    let message = reply.json()["error"]["message"].clone();
    assert_eq!(message, "Too many requests. Please slow down.");
    let seconds = reply.header("retry-after").expect("a time");
    let seconds: u64 = seconds.parse().expect("seconds");
    assert!((1..=most).contains(&seconds), "{reply:?}");
}

/// What a limit of the host says of itself.
#[track_caller]
fn assert_told(reply: &Reply, name: &str, policy: &str) {
    let told = |field: &str| {
        let values = reply.headers.get_all(field).iter();
        let mut values = values.filter_map(|value| value.to_str().ok());
        let own = format!("\"{name}\";");
        let value = values.find_map(|value| value.strip_prefix(&own));
        value.unwrap_or_else(|| panic!("{name} is missing: {reply:?}"))
    };
    assert_eq!(told("ratelimit-policy"), policy, "{reply:?}");
    assert!(told("ratelimit").starts_with("r="), "{reply:?}");
}

/// Ask until it is too much: so many times with this status, then 429.
async fn exhaust(
    shopper: &Shopper<'_>,
    (path, fields): (&str, &Value),
    quota: usize,
    status: u16,
) -> Vec<Reply> {
    let mut replies = Vec::new();
    for _ in 0..quota {
        let reply = shopper.post(path, fields).await;
        reply.assert_status(status);
        replies.push(reply);
    }
    replies.push(shopper.post(path, fields).await);
    replies
}

#[tokio::test]
async fn ten_logins_a_minute_are_let_through_for_an_address() {
    for shop in Shop::both().await {
        let guest = shop.guest();
        let login = json!({ "email": guest.email });
        let replies = exhaust(&guest, ("/customers/login", &login), 10, 400).await;
        for reply in &replies {
            assert_told(reply, "login-email", "q=10;w=60");
            assert_told(reply, "login-address", "q=60;w=60");
        }
        assert_too_many(&replies[10], 6);
        let upper = json!({ "email": format!(" {}", guest.email.to_uppercase()) });
        assert_too_many(&guest.post("/customers/login", &upper).await, 6);
        let other = json!({ "email": shop.guest().email });
        guest
            .post("/customers/login", &other)
            .await
            .assert_status(400);
    }
}

/// A new password takes as much work as a login.
#[tokio::test]
async fn ten_new_passwords_an_hour_are_let_through_for_a_customer() {
    for shop in Shop::both().await {
        let (mut customer, other) = (shop.customer().await, shop.customer().await);
        let profile = |shopper: &Shopper<'_>| json!({ "name": shopper.name, "email": shopper.email, "password": super::PASSWORD });
        for _ in 0..10 {
            let fields = profile(&customer);
            let changed = customer.success(&customer.put("/customer", &fields).await);
            customer.token = changed["accessToken"].as_str().map(str::to_owned);
        }
        let fields = profile(&customer);
        assert_too_many(&customer.put("/customer", &fields).await, 360);
        // What takes no such work goes on, and so do others.
        let fields = json!({ "name": "Ada", "email": customer.email });
        customer.success(&customer.put("/customer", &fields).await);
        let fields = profile(&other);
        other.success(&other.put("/customer", &fields).await);
    }
}

/// The host counts what is written, and the plugin what is meant.
#[tokio::test]
async fn two_ways_to_write_an_address_are_one_account() {
    for shop in Shop::both().await {
        let guest = shop.guest();
        let (composed, decomposed) = ("zo\u{eb}@example.com", "zoe\u{308}@example.com");
        let login = |email: &str| json!({ "email": email, "password": super::PASSWORD });
        for email in [composed, decomposed].into_iter().cycle().take(10) {
            let reply = guest.post("/customers/login", &login(email)).await;
            reply.assert_status(400);
        }
        let reply = guest.post("/customers/login", &login(decomposed)).await;
        assert_eq!(reply.status, 429, "{reply:?}");
        assert!(reply.header("retry-after").is_some(), "{reply:?}");
    }
}

#[tokio::test]
async fn thirty_charges_a_minute_are_let_through_for_a_customer() {
    for shop in Shop::both().await {
        let (customer, other) = (shop.customer().await, shop.customer().await);
        let charge = ("/stripe/charge", &json!({}));
        let replies = exhaust(&customer, charge, 30, 400).await;
        assert_told(&replies[30], "charge", "q=30;w=60");
        assert_too_many(&replies[30], 2);
        other.post(charge.0, charge.1).await.assert_status(400);
    }
}

#[tokio::test]
async fn who_tries_out_cards_has_to_wait() {
    for shop in Shop::both().await {
        let customer = shop.customer().await;
        let order = customer.order_of(1).await;
        for _ in 0..5 {
            let reply = customer.charge(order, "tok_chargeDeclined").await;
            reply.assert_status(402);
        }
        let reply = customer.charge(order, "tok_visa").await;
        assert_eq!(reply.status, 429, "{reply:?}");
        assert!(reply.header("retry-after").is_some(), "{reply:?}");
    }
}

#[tokio::test]
async fn a_client_has_its_share_of_a_node() {
    const QUOTA: u32 = 5;
    let rate = Rate {
        quota: QUOTA,
        window: Duration::from_secs(60),
        burst: QUOTA,
    };
    for shop in Shop::both_with(|settings| settings.rate_limit = Some(rate)).await {
        let guest = shop.guest();
        for _ in 0..QUOTA {
            let reply = guest.get("/tax").await;
            reply.assert_status(200);
            assert_told(&reply, "default", "q=5;w=60");
        }
        assert_too_many(&guest.get("/products").await, 12);
    }
}

#[tokio::test]
async fn every_limit_can_be_switched_off_for_tests_under_load() {
    for shop in Shop::both_with(|settings| settings.rate_limits = false).await {
        let guest = shop.guest();
        let login = json!({ "email": guest.email, "password": "wrong wrong" });
        for _ in 0..12 {
            // Counted by the host, by address and field, and by the plugin.
            let reply = guest.post("/customers/login", &login).await;
            assert_eq!(reply.json()["error"]["code"], "USR_05", "{reply:?}");
        }
    }
}
