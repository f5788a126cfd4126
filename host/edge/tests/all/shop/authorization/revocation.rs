//! A new password or role ends what was given before it: on every route, on
//! every node, and in the second in which it happens.

use edge::config::Settings;
use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};
use test_servers::MariaDb;

use super::ask;
use crate::catalog::database::Store;
use crate::harness::{Mode, Proxy, eventually};
use crate::shop::documents::Documents;
use crate::shop::refusals::words::BAD_TOKEN;
use crate::shop::{PASSWORD, Shop, Shopper, Stores, share_control};

const NEW_PASSWORD: &str = "battery staple";

/// The reply to a change of the password, which brings a token.
async fn change_password(shopper: &Shopper<'_>) -> Value {
    let fields = json!({
        "name": shopper.name, "email": shopper.email, "password": NEW_PASSWORD,
    });
    shopper.success(&shopper.put("/customer", &fields).await)
}

/// Somebody with this token at one of the shop's nodes.
fn bearer<'a>(shop: &'a Shop, token: &str) -> Shopper<'a> {
    let mut shopper = shop.guest();
    shopper.token = Some(token.to_owned());
    shopper
}

async fn assert_revoked(shopper: &Shopper<'_>) {
    for operation in Documents::read().closed() {
        let reply = ask(shopper, operation, &[]).await;
        BAD_TOKEN.assert(&reply, &format!("{operation:?}"));
    }
}

#[tokio::test]
async fn a_new_password_ends_every_earlier_token_on_every_node() {
    let stores = std::sync::Arc::new(Stores::new(Store::MariaDb));
    let one = Shop::open(stores.clone(), share_control).await;
    let other = Shop::open(stores, share_control).await;
    let mut customer = one.customer().await;
    let first = customer.token.clone().expect("a token");
    let second = customer.login().await["accessToken"].clone();
    let second = second.as_str().expect("a token").to_owned();
    for token in [&first, &second] {
        for shop in [&one, &other] {
            let known = bearer(shop, token);
            known.success(&known.get("/customer").await);
        }
    }

    let changed = change_password(&customer).await;
    assert_eq!(changed["email"], customer.email, "{changed}");
    assert_eq!(changed["expires_in"], "24h", "{changed}");
    let new = changed["accessToken"].as_str().expect("a token").to_owned();
    assert!(new.starts_with("Bearer "), "{new}");
    // The change itself gives a token that holds at once, everywhere.
    for shop in [&one, &other] {
        let renewed = bearer(shop, &new);
        renewed.success(&renewed.get("/customer").await);
        renewed.success(&renewed.get("/orders/inCustomer").await);
    }
    for token in [&first, &second] {
        assert_revoked(&bearer(&one, token)).await;
        eventually("the other node rejects the token", async || {
            let reply = bearer(&other, token).get("/customer").await;
            (reply.status == 401).then_some(())
        })
        .await;
        assert_revoked(&bearer(&other, token)).await;
    }
    let guest = other.guest();
    for (password, status) in [(PASSWORD, 400), (NEW_PASSWORD, 200)] {
        let login = json!({ "email": customer.email, "password": password });
        let reply = guest.post("/customers/login", &login).await;
        reply.assert_status(status);
        let Some(token) = reply.json()["accessToken"].as_str().map(str::to_owned) else {
            continue;
        };
        for shop in [&one, &other] {
            let known = bearer(shop, &token);
            known.success(&known.get("/customer").await);
        }
    }
}

/// Only the newest of many tokens of one second holds.
#[tokio::test]
async fn changes_in_one_second_end_one_anothers_tokens() {
    for shop in Shop::both().await {
        let mut customer = shop.customer().await;
        let mut ended = Vec::new();
        for _ in 0..4 {
            let changed = change_password(&customer).await;
            let new = changed["accessToken"].as_str().expect("a token");
            ended.extend(customer.token.replace(new.to_owned()));
            customer.success(&customer.get("/customer").await);
            for token in &ended {
                let reply = bearer(&shop, token).get("/customer").await;
                BAD_TOKEN.assert(&reply, "an earlier token");
            }
        }
    }
}

/// Logins that run while the password changes get nothing that outlives it.
#[tokio::test]
async fn a_login_beside_the_change_leaves_no_token_of_the_old_password() {
    for shop in Shop::both_with(|settings| settings.rate_limits = false).await {
        for _ in 0..5 {
            let customer = shop.customer().await;
            let login = json!({ "email": customer.email, "password": PASSWORD });
            let logins = join_all((0..4).map(|_| {
                let guest = shop.guest();
                let login = &login;
                async move { guest.post("/customers/login", login).await }
            }));
            let (replies, changed) = tokio::join!(logins, change_password(&customer));
            let new = changed["accessToken"].as_str().expect("a token");
            for reply in replies {
                let Some(token) = reply.json()["accessToken"].as_str().map(str::to_owned) else {
                    continue;
                };
                let reply = bearer(&shop, &token).get("/customer").await;
                BAD_TOKEN.assert(&reply, "a token of the old password");
            }
            let renewed = bearer(&shop, new);
            renewed.success(&renewed.get("/customer").await);
        }
    }
}

#[tokio::test]
async fn other_changes_of_a_profile_end_nothing() {
    for shop in Shop::both().await {
        let customer = shop.customer().await;
        let fields = json!({ "name": "Ada", "email": customer.email, "password": "" });
        let changed = customer.success(&customer.put("/customer", &fields).await);
        assert!(changed.get("accessToken").is_none(), "{changed}");
        customer.success(&customer.get("/customer").await);
    }
}

#[tokio::test]
async fn revocations_outlive_a_restart() {
    let stores = std::sync::Arc::new(Stores::new(Store::Sqlite));
    let before = Shop::open(stores.clone(), share_control).await;
    let customer = before.customer().await;
    let token = customer.token.clone().expect("a token");
    change_password(&customer).await;
    before.node.stop().await;
    let after = Shop::open(stores, share_control).await;
    assert_revoked(&bearer(&after, &token)).await;
}

/// Whoever cannot be checked is nobody, and not simply believed.
#[tokio::test]
async fn while_nobody_knows_what_is_revoked_tokens_open_nothing() {
    let server = MariaDb::shared();
    let proxy = Proxy::before(server.port()).await;
    let control = server.database();
    let (_, name) = control.rsplit_once('/').expect("a database");
    let control = format!("mysql://root@{}/{name}", proxy.address());
    let stores = std::sync::Arc::new(Stores::new(Store::MariaDb));
    let change = |settings: &mut Settings| settings.control_url = control;
    let shop = Shop::open(stores, change).await;
    let customer = shop.customer().await;
    proxy.set(Mode::Refuse).await;
    eventually("the token cannot be checked", async || {
        let reply = customer.get("/customer").await;
        (reply.status == 503).then_some(reply)
    })
    .await
    .assert_refusal(503);
    for operation in Documents::read().closed() {
        let reply = ask(&customer, operation, &[]).await;
        assert_eq!(reply.status, 503, "{operation:?}: {reply:?}");
        assert!(reply.header("retry-after").is_some(), "{reply:?}");
    }
    let login = json!({ "email": customer.email, "password": PASSWORD });
    let reply = shop.guest().post("/customers/login", &login).await;
    assert_eq!(reply.status, 503, "{reply:?}");
    // What is open to everybody is open to whoever shows a token, too.
    let cart = customer.new_cart().await;
    customer.add(&cart, 1, "L, Red").await;
    customer.success(&customer.ask(Method::GET, "/products/1", &Value::Null).await);
    proxy.set(Mode::Pass).await;
    eventually("the token is checked again", async || {
        let reply = customer.get("/customer").await;
        (reply.status == 200).then_some(())
    })
    .await;
}
