//! Roles that a plugin may put into tokens.

use edge::bindings::accounts::exports::edge::platform::accounts::{Account, Error as AccountError};
use edge::node;
use edge::runtime::AccountTask;
use serde_json::{Value, json};

use crate::harness::{
    PluginFolder, Reply, TestNode, data_folder, fixture, settings, start_error, variant,
};

fn with_identity(grant: &str) -> PluginFolder {
    variant("caller", &format!("[grants]\nidentity = {grant}"))
}

async fn issue(node: &TestNode, role: &str) -> Reply {
    let principal: Value = json!({ "id": 7, "name": "Ada", "role": role });
    node.post("/caller/token", principal.to_string()).await
}

#[tokio::test]
async fn a_plugin_issues_no_role_that_its_manifest_does_not_name() {
    let customers = TestNode::start(&[fixture("caller")], |_| {}).await;
    issue(&customers, "customer").await.assert_status(200);
    for role in ["merchant", "Customer", "customer ", "", "customer,merchant"] {
        issue(&customers, role).await.assert_refusal(500);
    }
    let merchants = with_identity("{ roles = ['merchant'] }");
    let merchants = TestNode::start(&[merchants], |_| {}).await;
    issue(&merchants, "merchant").await.assert_status(200);
    issue(&merchants, "customer").await.assert_refusal(500);
}

#[tokio::test]
async fn a_plugin_without_roles_hashes_passwords_and_issues_nothing() {
    let node = TestNode::start(&[with_identity("{ roles = [] }")], |_| {}).await;
    issue(&node, "customer").await.assert_refusal(500);
    let password = json!({ "password": "correct horse" }).to_string();
    node.post("/caller/hash", password).await.assert_status(200);
}

#[tokio::test]
async fn roles_are_plain_words() {
    for grant in ["{ roles = ['*'] }", "{ role = ['merchant'] }", "'merchant'"] {
        let error = start_error(&[with_identity(grant)], |_| {}).await;
        assert!(error.contains("plugin.toml"), "{grant}: {error}");
    }
}

/// An account whose role the plugin may not issue could never log in.
#[tokio::test]
async fn no_account_is_made_with_a_role_that_the_manifest_does_not_name() {
    let data = data_folder();
    let settings = settings(data.path(), &[fixture("../customer")], |_| {});
    let loaded = node::load(&settings).await.expect("the plugin");
    let keeper = &loaded.releases()[0].plugin;
    let account = |role: &str| Account {
        name: "Ada".to_owned(),
        email: "ada@example.com".to_owned(),
        password: "correct horse battery".to_owned(),
        role: role.to_owned(),
    };
    let add = |account| keeper.keep_account(AccountTask::Add, account);
    for role in ["owner", "", "merchant "] {
        let refused = add(account(role)).await.expect("a call");
        let reason = refused.expect_err(role);
        assert!(
            matches!(&reason, AccountError::Other(text) if text.contains("customer, merchant")),
            "{reason:?}"
        );
    }
    let made = add(account("merchant")).await;
    made.expect("a call").expect("an account");
}

/// `edge user add` hands the plugin that keeps accounts a password: it must be
/// one that may see passwords.
#[tokio::test]
async fn accounts_are_kept_by_a_plugin_with_the_grant() {
    let keeper = variant("../customer", "[grants]\nidentity = false");
    let error = start_error(&[keeper], |_| {}).await;
    assert!(
        error.contains("exports edge:platform/accounts") && error.contains("`identity`"),
        "{error}"
    );
}
