//! API2:2023 Broken Authentication: who somebody is, a token says that the
//! shop has signed, in its place; and a password is asked for whole.
//!
//! Also: `shop/authorization` with `tokens` (tokens that do not hold, on every
//! closed route), `shop/limits` (ten logins a minute for an account),
//! `identity/callers`, and in the host `identity/tokens/tests` (each claim,
//! algorithm, key and signature that is wrong) and `identity/passwords` (the
//! same work whether or not there is such a customer). Here: places where no
//! token is looked for, what the whole node makes of some tokens that pass
//! elsewhere, and passwords.

use http::Method;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::code;
use crate::shop::{PASSWORD, Shop, Shopper};

/// Check that the token is good for nothing when it comes like this.
async fn assert_no_way_in(guest: &Shopper<'_>, path: &str, headers: &[(&str, &str)], what: &str) {
    let reply = guest
        .ask_with(Method::GET, path, headers, &Value::Null)
        .await;
    assert_eq!(reply.status, 401, "{what}: {reply:?}");
    assert!(
        ["AUT_01", "AUT_02"].contains(&code(&reply).as_str()),
        "{what}: {reply:?}"
    );
}

#[tokio::test]
async fn a_token_is_looked_for_in_its_two_fields_and_nowhere_else() {
    for shop in Shop::both().await {
        let customer = shop.customer().await;
        let guest = shop.guest();
        let bearer = customer.token.clone().expect("a token");
        let token = bearer.trim_start_matches("Bearer ").to_owned();
        for name in [
            "USER-KEY",
            "user_key",
            "token",
            "access_token",
            "accessToken",
        ] {
            // A URL ends up in logs, histories and other pages' referrers.
            let path = format!("/customer?{name}={token}");
            assert_no_way_in(&guest, &path, &[], &path).await;
            assert_no_way_in(&guest, "/customer", &[(name, &token)], name).await;
        }
        for field in ["x-access-token", "x-user-key", "proxy-authorization"] {
            assert_no_way_in(&guest, "/customer", &[(field, &bearer)], field).await;
        }
        let cookie = format!("USER-KEY={token}; accessToken={token}");
        assert_no_way_in(&guest, "/customer", &[("cookie", &cookie)], "a cookie").await;
        for (scheme, what) in [("Basic", "basic"), ("Token", "token"), ("JWT", "jwt")] {
            let value = format!("{scheme} {token}");
            assert_no_way_in(&guest, "/customer", &[("authorization", &value)], what).await;
        }
        customer.success(&customer.get("/customer").await);
    }
}

/// Headers of tokens that some library, somewhere, takes.
#[tokio::test]
async fn a_header_of_the_forgers_own_opens_nothing() {
    let (_, key) = crate::shop::TOKEN_KEYS.split_once(':').expect("a key");
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let claims = json!({
        "customer_id": 1, "name": "Eve", "role": "merchant",
        "iat": now, "exp": now + 60, "aud": "shop",
    });
    for shop in Shop::both().await {
        let guest = shop.guest();
        let signed = |kid: &str, secret: &str| {
            let mut header = Header::new(Algorithm::HS256);
            header.kid = Some(kid.to_owned());
            header.jku = Some("http://127.0.0.1:1/keys.json".to_owned());
            let key = EncodingKey::from_secret(secret.as_bytes());
            let token = encode(&header, &claims, &key).expect("a token");
            format!("Bearer {token}")
        };
        for (kid, secret) in [
            ("test", ""),
            ("test", "test"),
            ("../../../../dev/null", ""),
            ("test' UNION SELECT 'x", "x"),
            ("test\0", key),
            ("TEST", key),
            ("", key),
        ] {
            let token = signed(kid, secret);
            for path in ["/customer", "/admin/orders"] {
                assert_no_way_in(&guest, path, &[("user-key", &token)], kid).await;
            }
        }
    }
}

#[tokio::test]
async fn a_password_counts_to_its_last_character() {
    let long = format!("{}\u{0}\u{1f511}x", "long pässword ".repeat(8));
    assert!(long.chars().count() <= 128, "as long as one may be");
    for shop in Shop::both().await {
        let guest = shop.guest();
        let fields =
            |password: &str| json!({ "name": "Ada", "email": guest.email, "password": password });
        guest.success(&guest.post("/customers", &fields(&long)).await);
        let mut shorter = long.clone();
        shorter.pop();
        let upper = long.to_uppercase();
        let beginning: String = long.chars().take(72).collect();
        for wrong in [&shorter, &upper, &beginning, &format!("{long} ")] {
            let reply = guest.post("/customers/login", &fields(wrong)).await;
            assert_eq!(code(&reply), "USR_01", "{wrong:?}: {reply:?}");
        }
        guest.success(&guest.post("/customers/login", &fields(&long)).await);
    }
}

#[tokio::test]
async fn an_old_password_is_none() {
    for shop in Shop::both().await {
        let customer = shop.customer().await;
        let change = json!({
            "name": customer.name, "email": customer.email, "password": "another horse",
        });
        customer.success(&customer.put("/customer", &change).await);
        let login = |password: &str| json!({ "email": customer.email, "password": password });
        let old = customer.post("/customers/login", &login(PASSWORD)).await;
        assert_eq!(code(&old), "USR_01", "{old:?}");
        customer.success(
            &customer
                .post("/customers/login", &login("another horse"))
                .await,
        );
    }
}
