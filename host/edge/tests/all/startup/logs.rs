//! What the log says of a request, and the client does not learn.

use http::Method;
use serde_json::Value;

use crate::harness::{Operator, Reply, Running, TOKENS, data_folder, edge, fixture, get};

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

/// A node whose log is read by people, or by filters.
fn node_with(variables: &[(&str, &str)]) -> (tempfile::TempDir, Running) {
    let folder = data_folder();
    let hostile = fixture("hostile");
    let mut command = edge(folder.path());
    command
        .env("EDGE_PLUGINS", hostile.path())
        .envs(variables.iter().copied());
    let mut node = Running::start(command.arg("serve"));
    node.banner();
    (folder, node)
}

/// What a plugin or a client says never looks like a line of the node's own,
/// and commands no terminal.
#[tokio::test]
async fn no_line_for_people_is_forged() {
    let (_folder, node) = node_with(&[]);
    let mut wire = node.wire().await;
    let forged = "2026-01-01T00:00:00.000000Z%20%20INFO%20access:%20forged";
    for target in [
        format!("/hostile/say?text=one%0A{forged}"),
        format!("/hostile/say?text=two%0D%0A{forged}%0D"),
        "/hostile/say?text=three%1B[2J%1B]0;title%07%C2%9B2J%7F%08".to_owned(),
        "/hostile/say?text=four%E2%80%A82026%E2%80%AE%E2%81%A6%EF%BB%BF%E2%80%8B".to_owned(),
        "/hostile/trap".to_owned(),
        "/hostile/bad-header".to_owned(),
        format!("/hostile/%0A{forged}"),
    ] {
        wire.send(get(&target)).await;
        wire.reply().await;
    }
    let written = node.end().await;
    let (_, log) = written.split_once("Try:").expect("a banner");
    for line in log.lines().filter(|line| !line.is_empty()) {
        assert!(
            line.starts_with("20") && !line.starts_with("2026-01-01"),
            "{line:?}"
        );
    }
    let hidden = |c: char| {
        c != '\n' && (c.is_control() || "\u{2028}\u{202e}\u{2066}\u{feff}\u{200b}".contains(c))
    };
    assert_eq!(log.find(hidden), None, "{log:?}");
    for shown in [
        "one\\n2026-01-01",
        "\\u{1b}[2J",
        "\\u{9b}2J",
        "\\u{202e}",
        "told to panic",
    ] {
        assert!(log.contains(shown), "{shown}: {log}");
    }
}

#[tokio::test]
async fn a_plugins_alarm_passes_every_filter() {
    for filter in ["warn", "plugin=off", "off"] {
        let (_folder, mut node) =
            node_with(&[("EDGE_LOG_FORMAT", "json"), ("EDGE_LOG_FILTER", filter)]);
        let mut wire = node.wire().await;
        for text in ["quiet", "DEBUG:+quiet", "ALARM:+a+charge"] {
            wire.send(get(&format!("/hostile/say?text={text}"))).await;
            wire.reply().await.assert_status(200);
        }
        let line = node.line(|line| line.contains("ALARM"));
        let line: Value = serde_json::from_str(&line).expect("a line of JSON");
        assert_eq!(line["level"], "ERROR", "{filter}: {line}");
        assert_eq!(line["message"], "ALARM: a charge", "{filter}");
        assert!(!node.end().await.contains("quiet"), "{filter}");
    }
}

/// A plugin that says one thing all the time drives nothing else out of the
/// log, and how often it said it is not lost.
#[tokio::test]
async fn a_flood_of_one_line_is_counted() {
    let settings = [
        ("EDGE_LOG_FORMAT", "json"),
        ("EDGE_LOG_REPEATS", "3"),
        ("EDGE_LOG_KEPT", "5"),
        ("EDGE_ACCESS_LOG", "off"),
        ("EDGE_RATE_LIMITS", "off"),
        ("EDGE_ADMIN_TOKENS", TOKENS),
    ];
    let (_folder, mut node) = node_with(&settings);
    let mut wire = node.wire().await;
    for text in ["ALARM:+the+cause"].into_iter().chain(["chatter"; 40]) {
        wire.send(get(&format!("/hostile/say?text={text}"))).await;
        wire.reply().await.assert_status(200);
    }
    for number in 0..10 {
        wire.send(get(&format!("/hostile/say?text=more+{number}")))
            .await;
        wire.reply().await.assert_status(200);
    }
    let line = node.line(|line| line.contains("repeated"));
    let line: Value = serde_json::from_str(&line).expect("a line of JSON");
    assert_eq!(line["of"], "plugin", "{line}");
    assert_eq!(line["plugin"], "hostile", "{line}");
    let message = line["message"].as_str().expect("a text");
    assert!(message.ends_with("within 10 s: chatter"), "{message}");

    let kept = Operator::at(node.admin_address());
    let kept = kept.send(Method::GET, "/v1/logs", "").await;
    assert!(kept.text().contains("the cause"), "{kept:?}");
    assert!(kept.text().contains("more 9"), "{kept:?}");
    assert!(!kept.text().contains("more 0"), "the oldest goes: {kept:?}");
    let written = node.end().await;
    let chatter = |line: &&str| line.contains("chatter") && !line.contains("repeated");
    let times = written.lines().filter(chatter).count();
    assert!((3..=9).contains(&times), "{times} of 40 lines");
}
