//! The commands, as scripts use them.

use std::net::SocketAddr;
use std::process::Output;

use serde_json::Value;

use crate::harness::{
    Operator, PluginFolder, Running, TOKEN, TOKENS, TestNode, data_folder, edge, eventually,
    fixture, get, variant,
};

fn hello(version: u32) -> PluginFolder {
    variant("hello", &format!("version = \"0.{version}.0\""))
}

/// Run `edge` with these arguments against the node.
pub(super) async fn run(node: &TestNode, arguments: &[&str]) -> (Option<i32>, String, String) {
    run_with(node, arguments, &[]).await
}

/// The same, with these variables besides.
pub(super) async fn run_with(
    node: &TestNode,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> (Option<i32>, String, String) {
    run_on(node.admin_url(), arguments, variables).await
}

/// Run `edge` against the node whose operators' port is there.
pub(super) async fn run_at(admin: SocketAddr, arguments: &[&str]) -> (Option<i32>, String, String) {
    run_on(format!("http://{admin}"), arguments, &[]).await
}

async fn run_on(
    admin_url: String,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> (Option<i32>, String, String) {
    let folder = data_folder();
    let mut command = edge(folder.path());
    command
        .args(arguments)
        .envs(variables.iter().copied())
        .env("EDGE_ADMIN_URL", admin_url)
        .env("EDGE_ADMIN_TOKEN", TOKEN);
    let running = tokio::task::spawn_blocking(move || command.output());
    let Output {
        status,
        stdout,
        stderr,
    } = running.await.expect("a thread").expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.code(), text(stdout), text(stderr))
}

pub(super) fn path(plugin: &PluginFolder) -> &str {
    plugin.path().to_str().expect("text")
}

#[tokio::test]
async fn how_a_command_ends_says_how_the_rollout_did() {
    let node = TestNode::start(&[hello(0)], |_| {}).await;
    let (code, output, error) = run(&node, &["deploy", path(&hello(1)), "--wait"]).await;
    assert_eq!(code, Some(0), "{output}{error}");
    assert!(
        output.contains("hello@0.1.0") && output.contains("done"),
        "{output}"
    );

    let sick = variant("hello", "version = \"0.2.0\"\nhealth = \"/nothing\"");
    let (code, _, error) = run(&node, &["deploy", path(&sick), "--wait"]).await;
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("smoke check"), "{error}");

    let slow = hello(3);
    let watched = [
        "deploy",
        path(&slow),
        "--pause",
        "1m",
        "--wait",
        "--timeout",
        "300ms",
    ];
    let (code, _, error) = run(&node, &watched).await;
    assert_eq!(code, Some(4), "{error}");
    let (code, output, _) = run(&node, &["abort", "hello", "--wait"]).await;
    assert_eq!(code, Some(0), "{output}");

    let (code, output, error) = run(&node, &["rollback", "hello", "--json", "--wait"]).await;
    assert_eq!(code, Some(0), "{error}");
    let rollout: Value = serde_json::from_str(&output).expect("JSON");
    assert_eq!(rollout["phase"], "done");
    assert_eq!(run(&node, &["deploy"]).await.0, Some(2));
}

/// A terminal obeys some characters, and a plugin has a say in why it failed.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_plugin_says_is_shown_and_not_obeyed() {
    let node = TestNode::start(&[fixture("hostile")], |_| {}).await;
    let bad = variant(
        "hostile",
        "version = \"0.2.0\"\nhealth = \"/hostile/bad-words\"",
    );
    let is_obeyed =
        |c: char| c != '\n' && (c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c));
    for more in [&["--wait"][..], &["--wait", "--json"]] {
        let arguments = [&["deploy", path(&bad)], more].concat();
        let (code, output, error) = run(&node, &arguments).await;
        assert_eq!(code, Some(1), "{output}{error}");
        assert!(
            error.contains("forged") && error.contains("\\u{1b}[2J"),
            "{error}"
        );
        for said in [&output, &error] {
            assert_eq!(said.find(is_obeyed), None, "{said:?}");
            let forged = said.lines().find(|line| line.starts_with("2026-01-01"));
            assert_eq!(forged, None, "{said:?}");
        }
    }
    node.get("/hostile/say?text=%1b[2J%C2%9B2J%E2%80%AE")
        .await
        .assert_status(200);
    let (_, output, _) = run(&node, &["logs", "hostile"]).await;
    assert_eq!(output.find(is_obeyed), None, "{output:?}");
}

#[tokio::test]
async fn one_that_somebody_else_ends_has_failed() {
    let node = TestNode::start(&[hello(0)], |_| {}).await;
    let next = hello(1);
    let watched = ["deploy", path(&next), "--pause", "1m", "--wait"];
    let aborting = async {
        eventually("a rollout", async || {
            let reply = node.get("/hello").await;
            (reply.header("edge-release") == Some("hello@0.1.0")).then_some(())
        })
        .await;
        node.operator().decide("hello", "abort").await
    };
    let ((code, _, error), _) = tokio::join!(run(&node, &watched), aborting);
    assert_eq!(code, Some(3), "{error}");
    assert!(error.contains("aborted by tester"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_show_what_was_and_what_comes() {
    let (data, plugin) = (data_folder(), hello(0));
    let mut command = edge(data.path());
    command
        .arg("serve")
        .env("EDGE_DATA_DIR", data.path())
        .env("EDGE_PLUGINS", plugin.path())
        .env("EDGE_ADMIN_TOKENS", TOKENS);
    let mut node = Running::start(&mut command);
    node.banner();
    let mut wire = node.wire().await;
    Operator::at(node.admin_address()).deploy(&hello(1)).await;

    let folder = data_folder();
    let mut command = edge(folder.path());
    command
        .args(["logs", "hello", "--follow"])
        .env("EDGE_ADMIN_URL", format!("http://{}", node.admin_address()))
        .env("EDGE_ADMIN_TOKEN", TOKEN);
    let mut lines = Running::start(&mut command);
    lines.line(|line| line.contains("serving what the release log wants"));
    wire.send(get("/hello")).await;
    wire.reply().await.assert_status(200);
    let line = lines.line(|line| line.contains("\"target\":\"access\""));
    let line: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(line["path"], "/hello");
    assert_eq!(line["version"], "0.1.0");
}

#[tokio::test]
async fn signatures_are_of_bundles_and_keys_are_made_once() {
    let node = TestNode::start(&[], |_| {}).await;
    let (folder, plugin) = (tempfile::tempdir().expect("a folder"), hello(1));
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (key, bundle) = (file("release.key"), file("hello.bundle"));
    let (code, public, error) = run(&node, &["keygen", &key]).await;
    assert_eq!(code, Some(0), "{error}");
    assert!(public.starts_with("ed25519:"), "{public}");
    let (code, _, error) = run(&node, &["keygen", &key]).await;
    assert_eq!(code, Some(1));
    let expected = "exists already, and a secret is never overwritten; name another file";
    assert_eq!(error.trim_end(), format!("edge: {key} {expected}"));

    let (code, _, error) = run(&node, &["sign", path(&plugin), "--key", &key]).await;
    assert_eq!(code, Some(1));
    assert!(
        error.contains("is a folder") && error.contains("edge bundle"),
        "{error}"
    );
    let beside = format!("{}.sig", path(&plugin));
    assert!(!std::path::Path::new(&beside).exists(), "{beside}");
    let remote = "oci://registry.example/hello:1";
    let (code, _, error) = run(&node, &["sign", remote, "--key", &key]).await;
    assert_eq!(code, Some(1));
    assert!(error.contains("is in a registry"), "{error}");

    let (code, _, error) = run(&node, &["bundle", path(&plugin), "-o", &bundle]).await;
    assert_eq!(code, Some(0), "{error}");
    let (code, output, error) = run(&node, &["sign", &bundle, "--key", &key]).await;
    assert_eq!(code, Some(0), "{error}");
    assert!(
        output.starts_with(&format!("{bundle}.sig  sha256:")),
        "{output}"
    );
}

/// What a plugin would do to the database is read before it does so again.
#[tokio::test]
async fn migrations_are_shown_whole() {
    let node = TestNode::start(&[hello(0)], |_| {}).await;
    let ledger = |version: u32| variant("ledger", &format!("version = \"0.{version}.0\""));
    let create = "\nmigrations/sqlite/0001_ledger.sql\n  CREATE TABLE ledger_entry (\n";
    let (code, output, error) = run(&node, &["deploy", path(&ledger(0)), "--wait"]).await;
    assert_eq!(code, Some(0), "{output}{error}");
    assert!(output.contains(create), "{output}");
    assert!(
        output.contains("\nmigrations/mysql/0001_ledger.sql\n"),
        "{output}"
    );

    let more = "CREATE INDEX ledger_amount ON ledger_entry (amount);";
    let next = ledger(1)
        .with("migrations/sqlite/0002_more.sql", more)
        .with("migrations/mysql/0002_more.sql", more);
    let (code, output, error) = run(&node, &["deploy", path(&next), "--wait"]).await;
    assert_eq!(code, Some(0), "{output}{error}");
    assert!(!output.contains(create), "not the first: {output}");
    let (code, output, error) = run(&node, &["diff", "ledger", "0.0.0", "0.1.0"]).await;
    assert_eq!(code, Some(0), "{error}");
    let added = format!("\nmigrations/sqlite/0002_more.sql\n  {more}\n");
    assert!(output.contains(&added), "{output}");
    assert!(!output.contains(create), "only what is new: {output}");
}
