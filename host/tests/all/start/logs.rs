//! What the log says of a request, and the client does not learn.

use serde_json::Value;

use crate::harness::{Reply, Running, data_folder, edge, fixture, get};

/// The first line of `target` about the request that got `reply`.
fn line_of(node: &mut Running, target: &str, reply: &Reply) -> Value {
    let id = reply.header("edge-request-id").expect("an id").to_owned();
    let parse = |line: &str| serde_json::from_str::<Value>(line).unwrap_or_default();
    let line = node.line(|line| {
        let line = parse(line);
        line["request_id"] == *id && line["target"] == target
    });
    parse(&line)
}

#[tokio::test]
async fn a_requests_lines_are_found_by_its_id() {
    let folder = data_folder();
    let hostile = fixture("hostile");
    let mut command = edge(folder.path());
    command
        .env("EDGE_PLUGINS", hostile.path())
        .env("EDGE_LOG_FORMAT", "json");
    let mut node = Running::start(command.arg("serve"));
    node.banner();
    let mut wire = node.wire().await;

    wire.send(get("/hostile/log?bytes=20000&secret=hunter2"))
        .await;
    let reply = wire.reply().await;
    reply.assert_status(200);
    let output = line_of(&mut node, "plugin", &reply);
    let text = output["message"].as_str().expect("what the plugin wrote");
    assert!(text.ends_with(" more bytes dropped]"), "{text}");
    assert!(
        text.len() < 10_000,
        "{} bytes of a flood were kept",
        text.len()
    );
    let access = line_of(&mut node, "access", &reply);
    assert_eq!(access["status"], 200, "{access}");
    assert_eq!(access["plugin"], "hostile", "{access}");
    assert_eq!(access["path"], "/hostile/log", "{access}");
    assert!(!access.to_string().contains("hunter2"), "{access}");

    wire.send(get("/hostile/trap")).await;
    let reply = wire.reply().await;
    reply.assert_refusal(500);
    assert!(!reply.text().contains("panic"), "{reply:?}");
    let output = line_of(&mut node, "plugin", &reply);
    let text = output["message"].as_str().expect("what the plugin wrote");
    assert!(text.contains("told to panic"), "{text}");
    assert_eq!(line_of(&mut node, "access", &reply)["status"], 500);

    wire.send("nonsense\r\n\r\n").await;
    let reply = wire.reply().await;
    assert_eq!(line_of(&mut node, "access", &reply)["status"], 400);
}
