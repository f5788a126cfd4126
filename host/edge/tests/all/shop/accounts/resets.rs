//! A new password for who has lost theirs, by mail.

use edge::config::Settings;
use serde_json::json;

use super::{assert_refused, log_in, profile, token_of};
use crate::harness::Reply;
use crate::mail::server::MailServer;
use crate::shop::{PASSWORD, Shop, Shopper};

const NEW: &str = "a new password";

fn with_mail(mail: &MailServer) -> impl Fn(&mut Settings) {
    let url = mail.url();
    move |settings: &mut Settings| {
        settings.mail.url = Some(url.clone());
        let link = "https://shop.example/#/reset/{token}".to_owned();
        let config = &mut settings.plugin_config.0;
        config.insert("PASSWORD_RESET_URL".to_owned(), link);
    }
}

async fn forgot(shopper: &Shopper<'_>, email: &str) -> Reply {
    let fields = json!({ "email": email });
    shopper.post("/customers/password/forgot", &fields).await
}

async fn reset(shopper: &Shopper<'_>, token: &str, password: &str) -> Reply {
    let fields = json!({ "token": token, "password": password });
    shopper.post("/customers/password/reset", &fields).await
}

/// The token in the next mail, which is for this address.
async fn mailed_token(mail: &MailServer, email: &str) -> String {
    let session = mail.session().await;
    assert!(session.contains(&format!("RCPT TO:<{email}>")), "{session}");
    // As quoted-printable breaks lines.
    let text = session.replace("=\r\n", "");
    let (_, after) = text
        .split_once("https://shop.example/#/reset/")
        .expect("a link");
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let end = after.find(|c| !is_part(c)).expect("an end");
    assert!(end >= 43, "{after}");
    after[..end].to_owned()
}

/// Asks for a mail, and returns its token.
async fn ask(shopper: &Shopper<'_>, mail: &MailServer) -> String {
    let asked = forgot(shopper, &shopper.email).await;
    assert_eq!(shopper.success(&asked), json!({}));
    mailed_token(mail, &shopper.email).await
}

#[tokio::test]
async fn a_mail_brings_a_token_that_sets_a_password_once() {
    let mail = MailServer::start().await;
    for shop in Shop::everywhere_with(with_mail(&mail)).await {
        let customer = shop.customer().await;
        let before = customer.token.clone().expect("logged in");
        let guest = shop.guest();

        // In another case, too; and the mail goes to the account's address.
        let asked = forgot(&guest, &customer.email.to_uppercase()).await;
        assert_eq!(guest.success(&asked), json!({}));
        let token = mailed_token(&mail, &customer.email).await;
        let stored = "SELECT token_hash FROM customer_reset_token";
        let stored = shop.stores.database.texts(stored).await;
        assert!(
            stored.len() == 1 && !stored[0].contains(&token),
            "{stored:?}"
        );
        profile(&shop, &before).await.assert_status(200);
        log_in(&guest, &customer.email, PASSWORD)
            .await
            .assert_status(200);

        assert_refused(&reset(&guest, "no token", NEW).await, 400, "USR_12");
        assert_refused(&reset(&guest, &stored[0], NEW).await, 400, "USR_12");
        assert_refused(&reset(&guest, &token, "short").await, 400, "USR_10");
        let done = reset(&guest, &token, NEW).await;
        let session = guest.success(&done);
        assert_eq!(session["customer"]["email"], customer.email);
        assert_eq!(session["expires_in"], "24h");
        profile(&shop, &token_of(&done)).await.assert_status(200);
        assert_refused(&profile(&shop, &before).await, 401, "AUT_02");
        assert_refused(
            &log_in(&guest, &customer.email, PASSWORD).await,
            400,
            "USR_01",
        );
        log_in(&guest, &customer.email, NEW)
            .await
            .assert_status(200);
        assert_refused(&reset(&guest, &token, PASSWORD).await, 400, "USR_12");
    }
}

#[tokio::test]
async fn nobody_learns_by_a_request_whose_address_it_is() {
    let mail = MailServer::start().await;
    for shop in Shop::everywhere_with(with_mail(&mail)).await {
        let customer = shop.customer().await;
        let guest = shop.guest();
        let unknown = forgot(&guest, "nobody@example.com").await;
        let known = forgot(&guest, &customer.email).await;
        for reply in [&unknown, &known] {
            assert_eq!(guest.success(reply), json!({}));
        }
        let names = |reply: &Reply| -> Vec<_> { reply.headers.keys().cloned().collect() };
        assert_eq!(names(&unknown), names(&known));
        // Whoever was first, the only mail is the customer's.
        mailed_token(&mail, &customer.email).await;
        crate::harness::eventually("an empty table", async || {
            let left = shop.stores.database.count("customer_reset_mail").await;
            (left == 0).then_some(())
        })
        .await;
        assert_eq!(shop.stores.database.count("customer_reset_token").await, 1);
    }
}

/// Of mails that were asked for one after the other, each holds, and the first
/// that is used ends the others.
#[tokio::test]
async fn every_mail_that_arrives_holds_until_one_is_used() {
    let mail = MailServer::start().await;
    for shop in Shop::everywhere_with(with_mail(&mail)).await {
        let customer = shop.customer().await;
        let first = ask(&customer, &mail).await;
        let second = ask(&customer, &mail).await;
        let third = ask(&customer, &mail).await;
        let rows = shop.stores.database.count("customer_reset_token").await;
        assert_eq!(rows, 1, "{:?}", shop.store());
        let guest = shop.guest();
        reset(&guest, &first, NEW).await.assert_status(200);
        for token in [&first, &second, &third] {
            assert_refused(&reset(&guest, token, PASSWORD).await, 400, "USR_12");
        }
        // What comes after that is another series.
        let fourth = ask(&customer, &mail).await;
        assert_refused(&reset(&guest, &third, PASSWORD).await, 400, "USR_12");
        reset(&guest, &fourth, PASSWORD).await.assert_status(200);
    }
}

/// A mail server that takes a mail and does not say so, or not in time, gets it
/// again: whoever reads the first one need not know.
#[tokio::test]
async fn a_mail_that_is_sent_again_leaves_the_one_that_arrived_as_it_is() {
    let mail = MailServer::start().await;
    for (number, shop) in Shop::everywhere_with(with_mail(&mail))
        .await
        .iter()
        .enumerate()
    {
        let mut customer = shop.guest();
        customer.email = format!("unheard-{number}@example.com");
        customer.register().await;
        let first = ask(&customer, &mail).await;
        let due = "UPDATE customer_reset_mail SET due_on = '2020-01-01 00:00:00'";
        shop.stores.database.execute(due).await;
        let again = mailed_token(&mail, &customer.email).await;
        let guest = shop.guest();
        reset(&guest, &first, NEW).await.assert_status(200);
        assert_refused(&reset(&guest, &again, PASSWORD).await, 400, "USR_12");
        let done = "DELETE FROM customer_reset_mail";
        shop.stores.database.execute(done).await;
    }
}

/// Nobody makes a token of an account's out of another's, or out of the row.
#[tokio::test]
async fn a_token_that_was_changed_is_none() {
    let mail = MailServer::start().await;
    for shop in Shop::everywhere_with(with_mail(&mail)).await {
        let (ada, eve) = (shop.customer().await, shop.customer().await);
        let (of_ada, of_eve) = (ask(&ada, &mail).await, ask(&eve, &mail).await);
        let guest = shop.guest();
        // The first 21 characters are the account and the time, the rest is the tag.
        let mixed = format!("{}{}", &of_ada[..21], &of_eve[21..]);
        let mut longer = of_ada.clone();
        longer.replace_range(20..21, if &of_ada[20..21] == "_" { "A" } else { "_" });
        for token in [mixed, longer, of_ada[..43].to_owned()] {
            let refused = reset(&guest, &token, NEW).await;
            assert_refused(&refused, 400, "USR_12");
        }
        reset(&guest, &of_ada, NEW).await.assert_status(200);
        reset(&guest, &of_eve, NEW).await.assert_status(200);
    }
}

#[tokio::test]
async fn a_token_ends_with_what_it_was_for() {
    let mail = MailServer::start().await;
    for shop in Shop::everywhere_with(with_mail(&mail)).await {
        let guest = shop.guest();
        let bad = async |token: &str| {
            assert_refused(&reset(&guest, token, NEW).await, 400, "USR_12");
        };
        let mut customer = shop.customer().await;
        let second = ask(&customer, &mail).await;

        // A new password by the customer.
        let fields = json!({ "name": "Ada", "email": customer.email, "password": PASSWORD });
        let changed = customer.put("/customer", &fields).await;
        customer.token = Some(token_of(&changed));
        bad(&second).await;

        // Another address: whoever reads the mail of the old one is out.
        let third = ask(&customer, &mail).await;
        let fields = json!({ "name": "Ada", "email": format!("new-{}", customer.email) });
        customer.put("/customer", &fields).await.assert_status(200);
        bad(&third).await;

        // Its hour, by the database's clock.
        customer.email = format!("new-{}", customer.email);
        let fourth = ask(&customer, &mail).await;
        let left = match shop.store() {
            crate::catalog::database::Store::Sqlite => {
                "SELECT (unixepoch(expires_on) - unixepoch('now') BETWEEN 3500 AND 3600) || ''"
            }
            crate::catalog::database::Store::MariaDb => {
                "SELECT CAST(TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), expires_on) BETWEEN 3500 AND 3600 AS CHAR)"
            }
        };
        let left = shop
            .stores
            .database
            .texts(&format!("{left} FROM customer_reset_token"))
            .await;
        assert_eq!(left, ["1"]);
        let past = "UPDATE customer_reset_token SET expires_on = '2020-01-01 00:00:00'";
        shop.stores.database.execute(past).await;
        bad(&fourth).await;
        log_in(&guest, &customer.email, PASSWORD)
            .await
            .assert_status(200);
    }
}

#[tokio::test]
async fn of_many_resets_by_one_token_one_succeeds() {
    let mail = MailServer::start().await;
    for shop in Shop::everywhere_with(with_mail(&mail)).await {
        let customer = shop.customer().await;
        let token = ask(&customer, &mail).await;
        let passwords: Vec<_> = (0..6).map(|number| format!("password {number}")).collect();
        let guest = shop.guest();
        let resets = passwords
            .iter()
            .map(|password| reset(&guest, &token, password));
        let replies = futures_util::future::join_all(resets).await;
        let mut right = Vec::new();
        for (reply, password) in replies.iter().zip(&passwords) {
            match reply.status {
                200 => right.push(password),
                _ => assert_refused(reply, 400, "USR_12"),
            }
        }
        assert_eq!(right.len(), 1, "{replies:?}");
        log_in(&guest, &customer.email, right[0])
            .await
            .assert_status(200);
    }
}

/// Who could not be verified has a way back.
#[tokio::test]
async fn an_inherited_account_without_a_usable_hash_is_reset() {
    let mail = MailServer::start().await;
    for shop in Shop::everywhere_with(with_mail(&mail)).await {
        let mut guest = shop.guest();
        let row = format!(
            "INSERT INTO customer (name, email, password) VALUES ('Ada', ' {}', 'plain text')",
            guest.email.to_uppercase()
        );
        shop.stores.database.execute(&row).await;
        guest.email = guest.email.clone();
        assert_refused(&log_in(&guest, &guest.email, PASSWORD).await, 400, "USR_11");
        let asked = forgot(&guest, &guest.email).await;
        asked.assert_status(200);
        let token = mailed_token(&mail, &guest.email.to_uppercase()).await;
        reset(&guest, &token, PASSWORD).await.assert_status(200);
        guest.login().await;
    }
}

#[tokio::test]
async fn mails_to_one_address_are_limited_whoever_has_it() {
    for shop in Shop::everywhere_with(|_| {}).await {
        let customer = shop.customer().await;
        for email in [customer.email.as_str(), "nobody@example.com"] {
            let guest = shop.guest();
            for _ in 0..5 {
                forgot(&guest, email).await.assert_status(200);
            }
            let refused = forgot(&guest, &email.to_uppercase()).await;
            refused.assert_status(429);
            assert!(refused.header("retry-after").is_some(), "{refused:?}");
        }
    }
}
