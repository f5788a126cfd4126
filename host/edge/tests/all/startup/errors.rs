//! Every reason not to start is one message that names what is at fault.

use std::fs;

use test_servers::MariaDb;

use crate::harness::{PluginFolder, component, fixture, start_error, variant};

/// The message of a node with this one plugin.
async fn refusal(plugin: PluginFolder) -> String {
    start_error(&[plugin], |_| {}).await
}

fn assert_names(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is missing in: {message}");
    }
    assert!(!message.contains('\n'), "more than one line: {message}");
}

#[tokio::test]
async fn a_folder_without_a_manifest() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plugin.toml");
    let message = start_error(&[], |settings| {
        settings.plugins = vec![folder.path().to_owned()];
    });
    assert_names(
        &message.await,
        &[&path.display().to_string(), "No such file"],
    );
}

#[tokio::test]
async fn a_manifest_with_an_unknown_key() {
    let message = refusal(variant("hello", "[limits]\nmemroy = '1 MiB'")).await;
    assert!(
        message.contains("plugin.toml") && message.contains("memroy"),
        "{message}"
    );
}

#[tokio::test]
async fn a_manifest_with_a_value_of_the_wrong_form() {
    for (change, part) in [
        ("version = 'one'", "version"),
        ("routes = ['hello']", "routes"),
        ("isolation = 'none'", "isolation"),
        ("[limits]\nmemory = 'a lot'", "memory"),
        ("[limits]\ninstances = 0", "limits.instances"),
        ("[limits]\ncpu-time = 'soon'", "cpu-time"),
    ] {
        let message = refusal(variant("hello", change)).await;
        assert!(
            message.contains("plugin.toml") && message.contains(part),
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_missing_component() {
    let message = refusal(variant("hello", "component = 'nowhere.wasm'")).await;
    assert_names(&message, &["plugin hello", "nowhere.wasm", "No such file"]);
}

#[tokio::test]
async fn bytes_that_are_no_component() {
    let whole = component("hello");
    let half = whole.get(..whole.len() / 2).expect("it is not empty");
    let core_module = b"\0asm\x01\0\0\0";
    for (bytes, reason) in [
        (&b"not WebAssembly"[..], "is not a WebAssembly component"),
        (&[][..], "is not a WebAssembly component"),
        (half, "is not a WebAssembly component"),
        (core_module, "is a core module, not a component"),
    ] {
        let plugin = variant("hello", "component = 'broken.wasm'").with("broken.wasm", bytes);
        assert_names(
            &refusal(plugin).await,
            &["plugin hello", "broken.wasm", reason],
        );
    }
}

#[tokio::test]
async fn a_component_that_answers_nothing() {
    let empty_component = b"\0asm\x0d\0\x01\0";
    let plugin = variant("hello", "component = 'a.wasm'").with("a.wasm", empty_component);
    assert_names(
        &refusal(plugin).await,
        &["a.wasm", "exports none of", "edge:platform/handler"],
    );
}

#[tokio::test]
async fn an_import_that_is_not_granted() {
    let message = refusal(fixture("ungranted")).await;
    assert_names(
        &message,
        &["plugin ungranted", "edge:platform/sql", "[grants.database]"],
    );
}

#[tokio::test]
async fn two_plugins_that_claim_one_route() {
    let plugins = [
        fixture("hello"),
        variant("hostile", "routes = ['/hostile', '/hello']"),
    ];
    let message = start_error(&plugins, |_| {}).await;
    assert_names(&message, &["/hello", "hello", "hostile"]);
}

/// Whoever brought the second folder would have the first one's name, and with
/// it what its callers and its buckets give to that name.
#[tokio::test]
async fn two_folders_with_one_plugin() {
    let twin = variant("hello", "routes = ['/twin']");
    let path = twin.path().display().to_string();
    let message = start_error(&[fixture("hello"), twin], |_| {}).await;
    assert_names(&message, &["the plugin hello is in", &path]);
}

#[tokio::test]
async fn a_database_that_cannot_be_there() {
    for url in [
        "sqlite:///proc/nowhere/shop.sqlite".to_owned(),
        "mysql://shop:hunter2@[bad".to_owned(),
    ] {
        let message =
            start_error(&[fixture("ledger")], |settings| settings.database_url = url).await;
        assert_names(&message, &["plugin ledger", "database"]);
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_not_repeated() {
    let url = MariaDb::shared()
        .database()
        .replace("root@", "nobody:hunter2@");
    let message = start_error(&[fixture("ledger")], |settings| settings.database_url = url).await;
    assert_names(&message, &["plugin ledger", "Access denied"]);
    assert!(!message.contains("hunter2"), "{message}");
}

#[tokio::test]
async fn migrations_that_cannot_run() {
    let broken = "CREATE TABLE broken (";
    let inexact = "CREATE TABLE price (amount DECIMAL(10, 2))";
    for (sql, parts) in [
        (broken, ["migrations", "sqlite", "9"]),
        (inexact, ["column `amount`", "CREATE TABLE price", "TEXT"]),
    ] {
        let granted = "[grants.database]\nwrite = ['ledger_entry', 'price', 'broken']";
        let plugin = variant("ledger", granted).with("migrations/sqlite/0009_more.sql", sql);
        assert_names(&refusal(plugin).await, &parts);
    }
}

#[tokio::test]
async fn a_missing_dialect() {
    let plugin = variant("ledger", "");
    fs::remove_dir_all(plugin.path().join("migrations/sqlite")).expect("it was there");
    assert_names(
        &refusal(plugin).await,
        &["plugin ledger", "migrations/sqlite is missing"],
    );
}

#[tokio::test]
async fn a_migration_that_was_changed_after_it_ran() {
    let data = crate::harness::data_folder();
    let plugin = variant("ledger", "");
    let node = crate::harness::TestNode::start_in(data.path(), &[plugin], |_| {}).await;
    node.stop().await;
    let original = "CREATE TABLE ledger_entry (entry_id INTEGER PRIMARY KEY)";
    let plugin = variant("ledger", "").with("migrations/sqlite/0001_ledger.sql", original);
    let message = start_error(&[plugin], |settings| {
        let database = data.path().join("shop.sqlite");
        settings.database_url = format!("sqlite://{}", database.display());
    })
    .await;
    assert_names(&message, &["plugin ledger", "migration 1", "modified"]);
}

#[tokio::test]
async fn a_port_that_is_taken() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("its address");
    let message = start_error(&[fixture("hello")], |settings| settings.listen = address).await;
    assert_names(&message, &["cannot listen on", &address.to_string()]);
}
