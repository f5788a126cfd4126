//! `edge user add`, as an operator runs it beside a node that serves.

use std::io::Write;
use std::process::Stdio;

use crate::harness::{data_folder, edge};
use crate::shop::{PASSWORD, Shop, plugins};

#[tokio::test]
async fn an_operator_makes_a_merchant() {
    for shop in Shop::both().await {
        let mut merchant = shop.guest();
        let data = data_folder();
        let plugins = plugins();
        let customer = plugins[0].path().display().to_string();
        let mut command = edge(data.path());
        command
            .env("EDGE_DATA_DIR", data.path())
            .env("EDGE_PLUGINS", customer)
            .env("DATABASE_URL", &shop.stores.database.url)
            .args(["user", "add", "--email", &merchant.email])
            .args(["--name", &merchant.name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut running = command.spawn().expect("it runs");
        let mut input = running.stdin.take().expect("its input");
        writeln!(input, "{PASSWORD}").expect("it reads");
        drop(input);
        let output = running.wait_with_output().expect("it ends");
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
