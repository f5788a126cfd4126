//! Tests of messages as they are sent, and of a mail server's replies.

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::*;

fn message(to: &str, subject: &str) -> Message {
    Message {
        to: to.into(),
        subject: subject.into(),
        text: "Your order is on its way.\n.\nYours, the shop – ".into(),
    }
}

fn to_log() -> Mailer {
    Mailer::new(None, "The Shop <shop@example.com>").expect("a mailer")
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

/// Starts a mail server for one message, which greets, answers `reply` to the command that begins
/// with `command`, and accepts all others. Returns its URL, and what it received.
async fn server(
    command: &'static str,
    reply: &'static str,
) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("smtp://{}", listener.local_addr().expect("an address"));
    let serving = async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let mut stream = BufReader::new(stream);
        let mut received = String::new();
        let mut in_data = false;
        stream.write_all(b"220 test ESMTP\r\n").await.expect("sent");
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return received;
            }
            received += &line;
            let answer = match line.trim_end() {
                "." => {
                    in_data = false;
                    "250 taken"
                }
                _ if in_data => continue,
                line if line.starts_with(command) => reply,
                "DATA" => {
                    in_data = true;
                    "354 go on"
                }
                line if line.starts_with("EHLO") => "250-test\r\n250 AUTH PLAIN",
                _ => "250 fine",
            };
            let sent = stream.write_all(format!("{answer}\r\n").as_bytes()).await;
            if sent.is_err() {
                return received;
            }
        }
    };
    (url, tokio::spawn(serving))
}

async fn outcome(command: &'static str, reply: &'static str) -> Result<(), Error> {
    let (url, _serving) = server(command, reply).await;
    let url = url.replace("smtp://", "smtp://user:secret@");
    let mailer = Mailer::new(Some(&url), "shop@example.com").expect("a mailer");
    mailer.send(message("ada@example.com", "Hi"), soon()).await
}

#[tokio::test]
async fn a_message_reaches_the_server_whole() {
    let (url, serving) = server("NOOP", "250 fine").await;
    let mailer = Mailer::new(Some(&url), "The Shop <shop@example.com>").expect("a mailer");
    let sent = mailer
        .send(message("ada@example.com", "Grüße"), soon())
        .await;
    assert!(sent.is_ok(), "{sent:?}");
    let received = serving.await.expect("no panic");
    for part in [
        "MAIL FROM:<shop@example.com>",
        "RCPT TO:<ada@example.com>",
        "From: \"The Shop\" <shop@example.com>",
        "To: ada@example.com",
        "Subject: =?utf-8?",
        "Message-ID: <",
        "Date: ",
        "Content-Type: text/plain; charset=utf-8",
        // A line with only a dot would end the message (RFC 5321 section 4.5.2).
        "\r\n..\r\n",
    ] {
        assert!(received.contains(part), "{part} is missing in {received}");
    }
}

#[tokio::test]
async fn replies_say_whether_to_try_again() {
    let finally = ["550 no such user", "552 too much", "553 no", "554 spam"];
    for reply in finally {
        let refused = outcome("RCPT", reply).await;
        assert!(
            matches!(refused, Err(Error::Invalid(_))),
            "{reply}: {refused:?}"
        );
    }
    for (command, reply) in [
        ("RCPT", "450 busy"),
        ("RCPT", "452 full"),
        ("MAIL", "421 closing"),
        ("EHLO", "421 closing"),
        ("AUTH", "535 wrong password"),
        ("AUTH", "454 later"),
        ("MAIL", "530 who are you"),
        ("DATA", "no SMTP"),
    ] {
        let refused = outcome(command, reply).await;
        assert!(
            matches!(refused, Err(Error::Unavailable(_))),
            "{reply}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_is_away_or_silent_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("smtp://{}", listener.local_addr().expect("an address"));
    let mailer = Mailer::new(Some(&url), "shop@example.com").expect("a mailer");
    let deadline = Instant::now() + Duration::from_millis(100);
    let silent = mailer
        .send(message("ada@example.com", "Hi"), deadline)
        .await;
    assert!(matches!(silent, Err(Error::Unavailable(_))), "{silent:?}");
    drop(listener);
    let away = mailer.send(message("ada@example.com", "Hi"), soon()).await;
    assert!(matches!(away, Err(Error::Unavailable(_))), "{away:?}");
}

#[tokio::test]
async fn what_is_no_address_is_never_sent() {
    for to in [
        "",
        "ada",
        "ada@",
        "@example.com",
        "ada@example.com, eve@example.com",
        "Ada <ada@example.com>",
        "ada@example.com\r\nBcc: eve@example.com",
        "ada\r\nRCPT TO:<eve@example.com>@example.com",
        "ada@exam ple.com",
        "a b@example.com",
    ] {
        let sent = to_log().send(message(to, "Hi"), soon()).await;
        assert!(matches!(sent, Err(Error::Invalid(_))), "{to:?}: {sent:?}");
    }
}

#[test]
fn a_subject_cannot_begin_another_header() {
    for subject in [
        "Hi\r\nBcc: eve@example.com",
        "Hi\nBcc: eve@example.com",
        "Hi\rBcc: eve@example.com",
        "Hi\r\n\r\nBcc: eve@example.com",
        "Hi\u{0}\r\n .\r\nBcc: eve@example.com",
    ] {
        let mail = to_log().mail(&message("ada@example.com", subject));
        let mail = mail.expect("a message").formatted();
        let text = String::from_utf8(mail).expect("text");
        let (head, _) = text.split_once("\r\n\r\n").expect("a head");
        let mut lines = head.split(['\r', '\n']);
        assert!(
            lines.all(|line| !line.starts_with("Bcc")),
            "{subject:?}: {head}"
        );
        assert!(head.contains("To: ada@example.com"), "{subject:?}: {head}");
    }
}

#[test]
fn no_part_is_longer_than_it_may() {
    let long = message("ada@example.com", &"x".repeat(MAX_SUBJECT_BYTES + 1));
    let refused = to_log().mail(&long);
    assert!(matches!(refused, Err(Error::TooLarge(part)) if part.contains("subject")));
    let mut long = message("ada@example.com", "Hi");
    long.text = "x".repeat(MAX_TEXT_BYTES + 1);
    let refused = to_log().mail(&long);
    assert!(matches!(refused, Err(Error::TooLarge(part)) if part.contains("text")));
}

#[test]
fn recipients_are_masked() {
    assert_eq!(masked("ada@example.com"), "a***@example.com");
    assert_eq!(masked("ä@example.com"), "ä***@example.com");
    assert_eq!(masked("@example.com"), "***@example.com");
}

#[test]
fn settings_are_checked_without_showing_the_password() {
    for (url, sender) in [
        (Some("smtp://u:hunter2@h?tls=maybe"), "shop@example.com"),
        (Some("http://u:hunter2@h"), "shop@example.com"),
        (None, "no address"),
        (None, "a@b.example\r\nBcc: c@d.example"),
    ] {
        let error = Mailer::new(url, sender)
            .err()
            .expect("malformed")
            .to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
    for url in [
        "smtp://localhost",
        "smtp://u:p@h.example?tls=required",
        "smtps://u:p@h.example",
    ] {
        assert!(Mailer::new(Some(url), "shop@localhost").is_ok(), "{url}");
    }
}
