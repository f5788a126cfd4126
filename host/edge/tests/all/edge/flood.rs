//! Clients that abuse HTTP/2: frame by frame, as no library sends them.

use crate::harness::{TestNode, Wire, fixture};

/// How HTTP/2 begins, and a frame of settings with none in it.
pub const BEGINNING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// `GET /hello` of `shop`, by the static table and without Huffman.
pub const GET_HELLO: &[u8] = b"\x82\x86\x04\x06/hello\x01\x04shop";

/// `POST /hostile/echo` of `shop`, likewise.
pub const POST_ECHO: &[u8] = b"\x83\x86\x04\x0d/hostile/echo\x01\x04shop";

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// The error code by which a server ends such a connection.
const ENHANCE_YOUR_CALM: u32 = 11;

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The error codes of the `GOAWAY` frames among `bytes`.
fn farewells(mut bytes: &[u8]) -> Vec<u32> {
    let mut codes = Vec::new();
    while let [a, b, c, kind, _, _, _, _, _, rest @ ..] = bytes {
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        let Some((payload, after)) = rest.split_at_checked(length) else {
            break;
        };
        if *kind == GOAWAY {
            codes.push(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
        bytes = after;
    }
    codes
}

async fn node() -> TestNode {
    TestNode::start(&[fixture("hello")], |_| {}).await
}

/// What the server says to this client until it ends the connection.
async fn last_words(node: &TestNode, flood: impl IntoIterator<Item = Vec<u8>>) -> Vec<u32> {
    let mut wire = Wire::connect(node.address()).await;
    wire.send(BEGINNING).await;
    for bytes in flood {
        wire.try_send(bytes).await;
    }
    farewells(&wire.rest().await)
}

#[tokio::test]
async fn a_plain_request_is_answered() {
    let node = node().await;
    let mut wire = Wire::connect(node.address()).await;
    wire.send(BEGINNING).await;
    wire.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, GET_HELLO))
        .await;
    let mut said = Vec::new();
    while !said.windows(14).any(|bytes| bytes == b"Hello, world!\n") {
        said.extend(wire.some().await.expect("an answer"));
    }
}

/// CVE-2023-44487.
#[tokio::test]
async fn streams_that_are_opened_and_reset_at_once_end_the_connection() {
    let node = node().await;
    let mut flood = Vec::new();
    for stream in (1..40_000).step_by(2) {
        flood.extend(frame(HEADERS, END_STREAM | END_HEADERS, stream, GET_HELLO));
        flood.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }
    let codes = last_words(&node, [flood]).await;
    assert_eq!(codes.last(), Some(&ENHANCE_YOUR_CALM), "{codes:?}");
    node.get("/hello").await.assert_status(200);
}

/// CVE-2024-27316 and its kin.
#[tokio::test]
async fn a_head_without_end_ends_the_connection() {
    let node = node().await;
    let head = frame(HEADERS, END_STREAM, 1, GET_HELLO);
    // A field without indexing, in frames of one and of many bytes.
    let field = b"\0\x03x-a\x03abc".repeat(1000);
    for part in [&b""[..], b"\0\x03x-a\x03abc", &field] {
        let more = std::iter::repeat_n(frame(CONTINUATION, 0, 1, part), 20_000);
        let more: Vec<_> = more.collect();
        let flood = std::iter::once(head.clone()).chain(more.chunks(100).map(<[_]>::concat));
        let codes = last_words(&node, flood.collect::<Vec<_>>()).await;
        assert_eq!(codes.last(), Some(&ENHANCE_YOUR_CALM), "{codes:?}");
    }
    node.get("/hello").await.assert_status(200);
}

/// CVE-2025-8671: the client makes the server reset its own streams.
#[tokio::test]
async fn streams_that_the_server_is_made_to_reset_end_the_connection() {
    let node = node().await;
    let wrong: [(u8, &[u8]); 2] = [
        // A window that grows by nothing, and one that grows too far.
        (WINDOW_UPDATE, &[0, 0, 0, 0]),
        (WINDOW_UPDATE, &[0x7f, 0xff, 0xff, 0xff]),
    ];
    for (kind, payload) in wrong {
        let mut flood = Vec::new();
        for stream in (1..40_000).step_by(2) {
            flood.extend(frame(HEADERS, END_HEADERS, stream, GET_HELLO));
            flood.extend(frame(kind, 0, stream, payload));
        }
        let codes = last_words(&node, [flood]).await;
        assert!(codes.last().is_some_and(|code| *code != 0), "{codes:?}");
    }
    node.get("/hello").await.assert_status(200);
}

/// The frame of a request with one more field.
fn request_with((name, value): (&[u8], &[u8])) -> Vec<u8> {
    let mut head = GET_HELLO.to_vec();
    head.push(0);
    for text in [name, value] {
        head.push(u8::try_from(text.len()).expect("a short text"));
        head.extend(text);
    }
    frame(HEADERS, END_STREAM | END_HEADERS, 1, &head)
}

/// What HTTP/2 forbids, and would be a line of its own if it were passed on as
/// HTTP/1 (RFC 9113 sections 8.2.1 and 8.2.2).
#[tokio::test]
async fn fields_that_would_write_lines_are_refused() {
    let node = node().await;
    let fields: [(&[u8], &[u8]); 9] = [
        (b"x-a", b"b\r\nx-smuggled: c"),
        (b"x-a", b"b\nc"),
        (b"x-a", b"b\0c"),
        (b"x-a\r\nx-b", b"c"),
        (b"x a", b"b"),
        (b"X-Upper", b"b"),
        (b"transfer-encoding", b"chunked"),
        (b"connection", b"close"),
        (b":path", b"/hostile/trap"),
    ];
    for field in fields {
        let mut wire = Wire::connect(node.address()).await;
        wire.send(BEGINNING).await;
        wire.send(request_with(field)).await;
        wire.finish().await;
        let said = wire.rest().await;
        let answered = said.windows(14).any(|bytes| bytes == b"Hello, world!\n");
        let name = String::from_utf8_lossy(field.0).into_owned();
        assert!(!answered, "{name:?} was let through");
    }
    // It is the field that makes the difference.
    let mut wire = Wire::connect(node.address()).await;
    wire.send(BEGINNING).await;
    wire.send(request_with((b"x-a", b"b"))).await;
    let mut said = Vec::new();
    while !said.windows(14).any(|bytes| bytes == b"Hello, world!\n") {
        said.extend(wire.some().await.expect("an answer"));
    }
}
