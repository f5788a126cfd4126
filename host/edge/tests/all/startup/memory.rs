//! A host with less memory than its plugins ask for.

use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{
    PluginFolder, Running, data_folder, edge_serve_within, get, refusal, variant,
};

const GIB: u64 = 1 << 30;

/// More than 4 GiB of them do not fit anywhere in these tests.
const GREEDY: &str = "[limits]\ninstances = 64\nmemory = '256 MiB'";

/// `edge serve` with a greedy plugin in an address space of `bytes`.
fn greedy(bytes: u64) -> (TempDir, PluginFolder, Command) {
    let (folder, plugin) = (data_folder(), variant("hello", GREEDY));
    let mut command = edge_serve_within(bytes, folder.path());
    command
        .env("EDGE_PLUGINS", plugin.path())
        .env("EDGE_LOG_FORMAT", "json");
    (folder, plugin, command)
}

#[tokio::test]
async fn the_pool_is_sized_down_to_what_there_is_and_serves() {
    let (_folder, _plugin, mut command) = greedy(4 * GIB);
    let mut node = Running::start(&mut command);
    let warning = node.line(|line| line.contains("\"granted\""));
    let warning: Value = serde_json::from_str(&warning).expect("a line of JSON");
    assert_eq!(warning["level"], "WARN", "{warning}");
    let wanted = warning["wanted"].as_u64().expect("a number");
    assert!(wanted >= 2 * 64, "room to replace them: {warning}");
    let granted = warning["granted"].as_u64().expect("a number");
    assert!((1..16).contains(&granted), "{warning}");

    node.banner();
    let mut wire = node.wire().await;
    wire.send(get("/hello")).await;
    wire.reply().await.assert_status(200);
    node.terminate();
    assert_eq!(node.exit_code().await, Some(0));
}

#[test]
fn too_little_for_one_instance_is_said() {
    let (_folder, _plugin, mut command) = greedy(GIB / 4);
    let message = refusal(&mut command);
    assert!(
        message.contains("cannot reserve memory for even 1 instance"),
        "{message}"
    );
}
