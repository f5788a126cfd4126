//! Mail, from a plugin to a mail server of the test's own.

pub mod server;

use serde_json::{Value, json};

use self::server::MailServer;
use crate::harness::{TestNode, fixture, start_error};

fn message(to: &str) -> String {
    json!({ "to": to, "subject": "Your order", "text": "It is on its way." }).to_string()
}

async fn send(node: &TestNode, to: &str) -> Value {
    let reply = node.post("/caller/mail", message(to)).await;
    reply.assert_status(200);
    reply.json()
}

#[tokio::test]
async fn a_message_reaches_the_mail_server() {
    let server = MailServer::start().await;
    let url = server.url();
    let node = TestNode::start(&[fixture("caller")], |settings| {
        settings.mail.url = Some(url);
        settings.mail.from = "The Shop <shop@example.com>".into();
    })
    .await;
    assert_eq!(send(&node, "ada@example.com").await, "sent");
    let session = server.session().await;
    for line in [
        "MAIL FROM:<shop@example.com>",
        "RCPT TO:<ada@example.com>",
        "Subject: Your order",
        "It is on its way.",
    ] {
        assert!(session.contains(line), "{line} is missing in {session}");
    }
}

#[tokio::test]
async fn a_plugin_learns_whether_to_try_again() {
    let server = MailServer::start().await;
    let url = server.url();
    let node = TestNode::start(&[fixture("caller")], |settings| {
        settings.mail.url = Some(url);
    })
    .await;
    let unknown = send(&node, "nobody@example.com").await;
    assert!(unknown["invalid"].is_string(), "{unknown}");
    let busy = send(&node, "busy@example.com").await;
    assert!(busy["unavailable"].is_string(), "{busy}");
    let malformed = send(&node, "ada@example.com\r\nBcc: eve@example.com").await;
    assert!(malformed["invalid"].is_string(), "{malformed}");
    drop(server);
    let away = send(&node, "ada@example.com").await;
    assert!(away["unavailable"].is_string(), "{away}");
}

#[tokio::test]
async fn without_a_server_mail_goes_to_the_log() {
    let node = TestNode::start(&[fixture("caller")], |_| {}).await;
    assert_eq!(send(&node, "ada@example.com").await, "sent");
    let malformed = send(&node, "ada").await;
    assert!(malformed["invalid"].is_string(), "{malformed}");
}

#[tokio::test]
async fn settings_that_cannot_be_meant_end_the_start() {
    let error = start_error(&[fixture("caller")], |settings| {
        settings.mail.from = "nobody".into();
    })
    .await;
    assert!(error.contains("mail_from"), "{error}");
    let error = start_error(&[fixture("caller")], |settings| {
        settings.mail.url = Some("smtp://u:hunter2@h?tls=maybe".into());
    })
    .await;
    assert!(
        error.contains("SMTP_URL") && !error.contains("hunter2"),
        "{error}"
    );
}
