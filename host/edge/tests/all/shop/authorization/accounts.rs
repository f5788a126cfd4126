//! `edge user add`, as an operator runs it beside a node that serves.

use std::io::Write;
use std::process::{Output, Stdio};

use serde_json::json;

use crate::harness::{data_folder, edge};
use crate::shop::refusals::words::BAD_TOKEN;
use crate::shop::{PASSWORD, Shop, Shopper, control_url, plugins, share_control};

/// Run `edge user add` for this e-mail address, with these words more.
fn add(shop: &Shop, shopper: &Shopper<'_>, more: &[&str], password: &str) -> Output {
    let data = data_folder();
    let plugins = plugins();
    let customer = plugins[0].path().display().to_string();
    let database = &shop.stores.database.url;
    let mut command = edge(data.path());
    command
        .env("EDGE_DATA_DIR", data.path())
        .env("EDGE_PLUGINS", customer)
        .env("DATABASE_URL", database)
        .env("EDGE_CONTROL_URL", control_url(database))
        .args(["user", "add", "--offline", "--email", &shopper.email])
        .args(["--name", &shopper.name])
        .args(more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut running = command.spawn().expect("it runs");
    let mut input = running.stdin.take().expect("its input");
    writeln!(input, "{password}").expect("it reads");
    drop(input);
    running.wait_with_output().expect("it ends")
}

#[tokio::test]
async fn an_operator_makes_a_merchant() {
    for shop in Shop::both_with(share_control).await {
        let mut merchant = shop.guest();
        let output = add(&shop, &merchant, &[], PASSWORD);
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8(output.stdout).expect("text");
        let account = format!(": {} <{}>\n", merchant.name, merchant.email);
        assert!(
            said.starts_with("merchant ") && said.ends_with(&account),
            "{said}"
        );

        merchant.login().await;
        merchant.success(&merchant.get("/admin/orders").await);
        merchant.success(&merchant.get("/customer").await);
    }
}

#[tokio::test]
async fn an_account_that_somebody_registered_becomes_no_merchants_by_mistake() {
    for shop in Shop::both_with(share_control).await {
        // Anybody can register under any address.
        let mut squatter = shop.customer().await;
        let mut merchant = shop.guest();
        merchant.email = squatter.email.to_uppercase();
        let output = add(&shop, &merchant, &[], "the merchant's own");
        assert_eq!(output.status.code(), Some(5), "{output:?}");
        assert_eq!(output.stdout, b"", "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            said.contains("exists") && said.contains("--existing"),
            "{said}"
        );

        // Nothing was changed.
        let denied = squatter.get("/admin/orders").await;
        assert_eq!(denied.status, 403, "{denied:?}");
        let profile = squatter.success(&squatter.get("/customer").await);
        assert_eq!(profile["name"], squatter.name);
        squatter.login().await;
        let denied = squatter.get("/admin/orders").await;
        assert_eq!(denied.status, 403, "{denied:?}");

        // Where there is none, there is nothing to change.
        let output = add(&shop, &shop.guest(), &["--existing"], PASSWORD);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("no account has"), "{said}");
    }
}

#[tokio::test]
async fn a_changed_account_is_nobodys_but_who_has_the_new_password() {
    for shop in Shop::both_with(share_control).await {
        let squatter = shop.customer().await;
        let database = &shop.stores.database;
        let by_email = format!("WHERE email = '{}'", squatter.email);
        let link = format!("UPDATE customer SET facebook_id = '4711' {by_email}");
        database.execute(&link).await;
        let mut merchant = shop.guest();
        merchant.email.clone_from(&squatter.email);
        let password = "the merchant's own";
        let output = add(&shop, &merchant, &["--existing"], password);
        assert!(output.status.success(), "{output:?}");

        // The command has waited until every node knows.
        for path in ["/customer", "/admin/orders", "/orders/inCustomer"] {
            BAD_TOKEN.assert(&squatter.get(path).await, path);
        }
        let login = json!({ "email": squatter.email, "password": PASSWORD });
        let reply = shop.guest().post("/customers/login", &login).await;
        assert_eq!(reply.json()["error"]["code"], "USR_01", "{reply:?}");
        let linked = format!("SELECT CONCAT('', COUNT(facebook_id)) FROM customer {by_email}");
        assert_eq!(database.texts(&linked).await, ["0"]);

        let login = json!({ "email": merchant.email, "password": password });
        let session = merchant.success(&merchant.post("/customers/login", &login).await);
        merchant.token = session["accessToken"].as_str().map(str::to_owned);
        merchant.success(&merchant.get("/admin/orders").await);
    }
}

/// Who was a merchant is none any more, whatever their token says.
#[tokio::test]
async fn a_role_that_is_taken_away_is_gone_at_once() {
    for shop in Shop::both_with(share_control).await {
        let merchant = shop.merchant().await;
        merchant.success(&merchant.get("/admin/payments").await);
        let output = add(
            &shop,
            &merchant,
            &["--existing", "--role", "customer"],
            PASSWORD,
        );
        assert!(output.status.success(), "{output:?}");
        for path in ["/admin/payments", "/admin/orders", "/admin/products"] {
            let reply = merchant.get(path).await;
            assert!([401, 405].contains(&reply.status), "{path}: {reply:?}");
        }
        let mut customer = shop.guest();
        customer.email.clone_from(&merchant.email);
        customer.login().await;
        let denied = customer.get("/admin/payments").await;
        assert_eq!(denied.status, 403, "{denied:?}");
    }
}
