//! Clients that abuse HTTP/2: frame by frame, as no library sends them.

use crate::harness::{TestNode, Wire, fixture};

/// How HTTP/2 begins, and a frame of settings with none in it.
const BEGINNING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// `GET /hello` of `shop`, by the static table and without Huffman.
const GET_HELLO: &[u8] = b"\x82\x86\x04\x06/hello\x01\x04shop";

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// The error code by which a server ends such a connection.
const ENHANCE_YOUR_CALM: u32 = 11;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
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
