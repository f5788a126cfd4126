//! The `edge` command itself.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;

use crate::harness::{
    Running, data_folder, edge, edge_serve_ignoring, edge_serve_told, eventually, fixture, get,
    refusal,
};

#[test]
fn every_wrong_setting_is_named_at_once() {
    let folder = data_folder();
    let file = folder.path().join("edge.toml");
    fs::write(file, "colour = 'red'\nseed = 'maybe'").expect("edge.toml");
    fs::write(folder.path().join(".env"), "EDGE_LOG_FORMAT=xml\n").expect(".env");
    let mut command = edge(folder.path());
    let message = refusal(command.arg("serve").env("EDGE_MAX_URI", "-1"));
    let wrong = ["colour", "seed", "EDGE_LOG_FORMAT", "EDGE_MAX_URI"];
    for part in wrong.into_iter().chain(["4 wrong setting"]) {
        assert!(message.contains(part), "{part} is missing in: {message}");
    }
}

#[test]
fn a_missing_plugin_is_one_message() {
    let folder = data_folder();
    let mut command = edge(folder.path());
    let message = refusal(command.arg("serve").env("EDGE_PLUGINS", "nowhere"));
    let expected =
        "edge: nowhere/plugin.toml: cannot be read: No such file or directory (os error 2)";
    assert_eq!(message.trim_end(), expected);
}

#[test]
fn a_password_is_in_no_message() {
    let folder = data_folder();
    for url in [
        "postgres://shop:hunter2@127.0.0.1/shop",
        "mysql://shop:hunter2@[bad",
        "mysql://shop:hun#ter2@127.0.0.1/shop",
    ] {
        let mut command = edge(folder.path());
        command.env("EDGE_PLUGINS", fixture("ledger").path());
        let message = refusal(command.arg("serve").env("DATABASE_URL", url));
        assert!(!message.contains("hun"), "{message}");
    }
}

#[tokio::test]
async fn it_says_what_it_serves_and_ends_well_on_sigterm() {
    let folder = data_folder();
    let mut command = edge(folder.path());
    let hello = fixture("hello");
    let mut node = Running::start(command.arg("serve").env("EDGE_PLUGINS", hello.path()));
    let banner = node.banner();
    for part in ["edge serves on http://127.0.0.1:", "hello 0.1.0", "/hello"] {
        assert!(banner.contains(part), "{part} is missing in: {banner}");
    }
    let mut wire = node.wire().await;
    wire.send(get("/hello")).await;
    wire.reply().await.assert_status(200);
    node.terminate();
    assert_eq!(node.exit_code().await, Some(0));
}

#[tokio::test]
async fn it_tells_who_started_it_when_it_serves_and_where() {
    let folder = data_folder();
    let mut command = edge_serve_told(folder.path());
    let hello = fixture("hello");
    let mut node = Running::start(command.env("EDGE_PLUGINS", hello.path()));
    node.banner();
    let (http, admin) = (node.address(), node.admin_address());
    let line = eventually("the line", async || {
        let text = fs::read_to_string(folder.path().join("ready.json")).ok()?;
        text.ends_with('\n').then_some(text)
    })
    .await;
    let told: serde_json::Value = serde_json::from_str(&line).expect("one line of JSON");
    assert_eq!(
        told,
        serde_json::json!({ "http": http, "https": null, "admin": admin })
    );
    node.terminate();
    assert_eq!(node.exit_code().await, Some(0));
}

#[test]
fn a_descriptor_that_is_not_open_is_refused() {
    let folder = data_folder();
    let mut command = edge(folder.path());
    let message = refusal(command.args(["serve", "--ready-fd", "999"]));
    assert!(message.contains("--ready-fd 999"), "{message}");
}

#[tokio::test]
async fn signals_that_end_a_node_wait_for_the_request_in_flight() {
    let hostile = fixture("hostile");
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT] {
        let folder = data_folder();
        let mut command = edge(folder.path());
        let mut node = Running::start(command.arg("serve").env("EDGE_PLUGINS", hostile.path()));
        node.banner();
        let mut wire = node.wire().await;
        wire.send(get("/hostile/sleep?ms=2000")).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        node.signal(signal);
        wire.reply().await.assert_status(200);
        wire.assert_closed().await;
        assert_eq!(node.exit_code().await, Some(0), "{signal:?}");
    }
}

#[tokio::test]
async fn signals_for_other_servers_end_no_node() {
    let folder = data_folder();
    let mut command = edge(folder.path());
    let hello = fixture("hello");
    let mut node = Running::start(command.arg("serve").env("EDGE_PLUGINS", hello.path()));
    node.banner();
    for signal in [
        Signal::USR1,
        Signal::USR2,
        Signal::ALARM,
        Signal::VTALARM,
        Signal::PROF,
        Signal::IO,
        Signal::POWER,
        Signal::XFSZ,
        Signal::XCPU,
        Signal::STKFLT,
        Signal::PIPE,
    ] {
        node.signal(signal);
        let mut wire = node.wire().await;
        wire.send(get("/hello")).await;
        wire.reply().await.assert_status(200);
    }
    node.terminate();
    assert_eq!(node.exit_code().await, Some(0));
}

/// `nohup edge serve &` outlives the terminal that it was started from.
#[tokio::test]
async fn a_node_that_was_started_with_hangups_ignored_outlives_its_terminal() {
    let folder = data_folder();
    let hello = fixture("hello");
    let mut command = edge_serve_ignoring("HUP", folder.path());
    let mut node = Running::start(command.env("EDGE_PLUGINS", hello.path()));
    node.banner();
    node.signal(Signal::HUP);
    let mut wire = node.wire().await;
    wire.send(get("/hello")).await;
    wire.reply().await.assert_status(200);
    node.terminate();
    assert_eq!(node.exit_code().await, Some(0));
}
