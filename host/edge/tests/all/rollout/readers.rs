//! Whoever reads what a command prints may leave: `edge audit | head`.

use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

use serde_json::json;
use tokio::net::TcpStream;

use super::commands::path;
use crate::harness::{TOKEN, TestNode, Wire, data_folder, edge, eventually, fixture, get, variant};

/// How the command ends whose output nobody reads, and what it complains of.
async fn unread(node: &TestNode, arguments: &[&str]) -> (Option<i32>, String) {
    let folder = data_folder();
    let mut command = edge(folder.path());
    command
        .args(arguments)
        .env("EDGE_ADMIN_URL", node.admin_url())
        .env("EDGE_ADMIN_TOKEN", TOKEN)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut running = command.spawn().expect("it runs");
    drop(running.stdout.take());
    let ending = tokio::task::spawn_blocking(move || running.wait_with_output());
    let Output { status, stderr, .. } = ending.await.expect("a thread").expect("it ends");
    (status.code(), String::from_utf8(stderr).expect("text"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_only_prints_ends_quietly() {
    let node = TestNode::start(&[fixture("hello")], |_| {}).await;
    for arguments in [
        &["status"][..],
        &["status", "--watch"],
        &["status", "--json"],
        &["audit"],
        &["logs"],
        &["releases", "hello"],
        &["migrations"],
        &["token"],
    ] {
        assert_eq!(
            unread(&node, arguments).await,
            (Some(0), String::new()),
            "{arguments:?}"
        );
    }
}

/// A file without room is no reader that went away.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_output_cannot_be_written_fails() {
    let node = TestNode::start(&[fixture("hello")], |_| {}).await;
    let ended = async |script: &'static str| {
        let folder = data_folder();
        let mut command = Command::new("sh");
        command
            .args(["-c", script, "sh", env!("CARGO_BIN_EXE_edge")])
            .current_dir(folder.path())
            .env_clear()
            .env("EDGE_ADMIN_URL", node.admin_url())
            .env("EDGE_ADMIN_TOKEN", TOKEN);
        let ending = tokio::task::spawn_blocking(move || command.output());
        let Output { status, stderr, .. } = ending.await.expect("a thread").expect("it ends");
        (status.code(), String::from_utf8(stderr).expect("text"))
    };
    let (code, error) = ended(r#"exec "$1" status >/dev/full"#).await;
    assert_eq!(code, Some(1));
    assert!(error.starts_with("edge: standard output: "), "{error}");
    let nobody = ended(r#"exec "$1" status >/dev/full 2>&-"#).await;
    assert_eq!(nobody, (Some(1), String::new()));
    assert_eq!(
        ended(r#"exec "$1" status >&-"#).await,
        (Some(0), String::new())
    );
}

/// It ends as it would with a reader: a script may pipe it into `head`.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_is_waited_for_without_a_reader() {
    let node = TestNode::start(&[fixture("hello")], |_| {}).await;
    let next = variant("hello", "version = \"0.9.0\"");
    let ended = unread(&node, &["deploy", path(&next), "--wait"]).await;
    assert_eq!(ended, (Some(0), String::new()));
    let status = node.operator().get("/v1/status").await;
    assert_eq!(status["rollouts"], json!([]), "{status}");
    let reply = node.get("/hello").await;
    assert_eq!(reply.header("edge-release"), Some("hello@0.9.0"));
}

/// A node serves on without standard output, closed or left by its reader.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_needs_no_reader() {
    let hello = fixture("hello");
    for script in [
        r#"exec "$1" serve >&-"#,
        r#"exec "$1" serve >&- 2>&-"#,
        r#"exec "$1" serve"#,
    ] {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = taken.local_addr().expect("its address");
        drop(taken);
        let folder = data_folder();
        let mut command = Command::new("sh");
        command
            .args(["-c", script, "sh", env!("CARGO_BIN_EXE_edge")])
            .current_dir(folder.path())
            .env_clear()
            .env("EDGE_LISTEN", address.to_string())
            .env("EDGE_ADMIN_LISTEN", "off")
            .env("EDGE_PLUGINS", hello.path())
            .stdout(Stdio::piped());
        let mut node = command.spawn().expect("it runs");
        drop(node.stdout.take());
        eventually("an open port", async || {
            TcpStream::connect(address).await.ok()
        })
        .await;
        for _ in 0..3 {
            let mut wire = Wire::connect(address).await;
            wire.send(get("/hello")).await;
            wire.reply().await.assert_status(200);
        }
        assert_eq!(node.try_wait().expect("a child"), None, "{script}");
        node.kill().expect("it runs");
        node.wait().expect("a child");
    }
}
