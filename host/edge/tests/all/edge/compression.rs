//! Replies that are compressed for clients that accept it.

use std::io::Write;
use std::process::{Command, Stdio};

use http::{Method, Request};

use crate::harness::{Reply, TestNode, fixture};

async fn page(node: &TestNode, accept: &str) -> Reply {
    let request = Request::get(node.url("/hostile/page")).header("accept-encoding", accept);
    node.send(request, "").await
}

#[tokio::test]
async fn a_page_comes_in_the_coding_that_its_reader_prefers() {
    let node = TestNode::start(&[fixture("hostile")], |_| {}).await;
    let plain = node.get("/hostile/page").await;
    assert_eq!(plain.header("content-encoding"), None);
    assert_eq!(plain.header("vary"), Some("accept-encoding"));
    let brotli = page(&node, "gzip, br").await;
    assert_eq!(brotli.header("content-encoding"), Some("br"));
    let gzip = page(&node, "gzip").await;
    assert_eq!(gzip.header("content-encoding"), Some("gzip"));
    assert_eq!(gunzip(&gzip.body), plain.body);
    for compressed in [brotli, gzip] {
        let length = compressed.body.len().to_string();
        assert_eq!(compressed.header("content-length"), Some(length.as_str()));
        assert!(compressed.body.len() < plain.body.len() / 10);
    }
}

/// Fields that say what a body is, and which differ from one request to the
/// next.
fn described(reply: &Reply) -> Vec<(String, String)> {
    let mut fields: Vec<_> = reply
        .headers
        .iter()
        .filter(|(name, _)| !["date", "edge-request-id"].contains(&name.as_str()))
        .map(|(name, value)| {
            (
                name.to_string(),
                String::from_utf8_lossy(value.as_bytes()).into(),
            )
        })
        .collect();
    fields.sort();
    fields
}

#[tokio::test]
async fn a_reply_to_head_has_the_fields_of_the_reply_to_get() {
    let node = TestNode::start(&[fixture("hostile"), fixture("hello")], |_| {}).await;
    for path in ["/hostile/page", "/hello", "/nowhere", "/livez"] {
        for accept in ["br", "gzip", "identity"] {
            let ask = |method| {
                let request = Request::builder().method(method).uri(node.url(path));
                node.send(request.header("accept-encoding", accept), "")
            };
            let (get, head) = (ask(Method::GET).await, ask(Method::HEAD).await);
            assert_eq!(described(&head), described(&get), "{path} {accept}");
            assert!(head.body.is_empty(), "{path} {accept}");
        }
    }
    let page = node.request(Method::HEAD, "/hostile/page").await;
    assert_eq!(page.header("vary"), Some("accept-encoding"));
    assert!(page.header("content-length").is_some());
}

#[tokio::test]
async fn an_operator_can_switch_it_off() {
    let off = |settings: &mut edge::config::Settings| settings.compression = false;
    let node = TestNode::start(&[fixture("hostile")], off).await;
    let reply = page(&node, "gzip, br").await;
    assert_eq!(reply.header("content-encoding"), None);
    assert_eq!(reply.header("vary"), None);
}

/// What the program `gzip` makes of these bytes.
fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = Command::new("gzip")
        .arg("-dc")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("gzip");
    let mut stdin = gzip.stdin.take().expect("a pipe");
    stdin.write_all(bytes).expect("what it reads");
    drop(stdin);
    gzip.wait_with_output().expect("what it writes").stdout
}
