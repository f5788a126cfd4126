//! Clients that send without end, or ask and never read: the node neither
//! grows with them nor lets others wait.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::flood::{BEGINNING, CONTINUATION, DATA, END_STREAM, GET_HELLO, HEADERS, PING};
use super::flood::{POST_ECHO, PRIORITY, SETTINGS, WINDOW_UPDATE, frame};
use crate::harness::{Running, Wire, data_folder, edge, fixture, get, variant};

/// How long each client goes on.
const FLOOD: Duration = Duration::from_secs(2);

/// Clients of each kind.
const EACH: usize = 4;

/// Bytes that all of them together may take: what the node needs while it is
/// busy anyway, and a few buffers for each.
const MOST_BYTES: u64 = 64 << 20;

/// Much of the same, to be sent at once.
fn repeated(piece: &[u8]) -> Vec<u8> {
    piece.repeat((256 << 10) / piece.len() + 1)
}

/// A client: what it begins with, and what it sends then without end.
type Flood = (&'static str, Vec<u8>, Vec<u8>);

fn chunked(target: &str) -> Vec<u8> {
    let head =
        format!("POST {target} HTTP/1.1\r\nhost: shop\r\ntransfer-encoding: chunked\r\n\r\n");
    head.into_bytes()
}

/// Clients of HTTP/1.
fn floods() -> Vec<Flood> {
    let endless = |head: &str| format!("GET /hello HTTP/1.1\r\nhost: shop\r\n{head}").into_bytes();
    vec![
        ("requests", Vec::new(), get("/hello").into()),
        (
            "long requests",
            Vec::new(),
            get("/hostile/huge?bytes=100000").into(),
        ),
        ("empty lines", Vec::new(), b"\r\n".to_vec()),
        ("fields", endless(""), b"x-a: b\r\n".to_vec()),
        ("one field", endless("x-a: "), b"aaaaaaaaaaaaaaaa".to_vec()),
        (
            "a target",
            b"GET /hello?".to_vec(),
            b"aaaaaaaaaaaaaaaa".to_vec(),
        ),
        (
            "tiny chunks",
            chunked("/hostile/echo"),
            b"1\r\na\r\n".to_vec(),
        ),
        (
            "extensions",
            [chunked("/hostile/echo"), b"1;".to_vec()].concat(),
            b"aaaaaaaaaaaaaaaa".to_vec(),
        ),
        (
            "trailers",
            [chunked("/hostile/echo"), b"0\r\n".to_vec()].concat(),
            b"x-a: b\r\n".to_vec(),
        ),
        ("zeros", Vec::new(), vec![0]),
    ]
}

/// Clients of HTTP/2.
fn h2_floods() -> Vec<Flood> {
    let begun = |frames: Vec<u8>| [BEGINNING.to_vec(), frames].concat();
    // One long field in the table, then many times its number: a small head
    // that unfolds into megabytes.
    let bomb = [b"\x40\x01a\x7f\x81\x1d".to_vec(), vec![b'a'; 3840]].concat();
    let body = frame(HEADERS, super::flood::END_HEADERS, 1, POST_ECHO);
    vec![
        // CVE-2019-9515, -9512, -9518, -9513 and -9517.
        ("settings", begun(Vec::new()), frame(SETTINGS, 0, 0, b"")),
        ("pings", begun(Vec::new()), frame(PING, 0, 0, &[0; 8])),
        ("empty data", begun(body.clone()), frame(DATA, 0, 1, b"")),
        (
            "priorities",
            begun(Vec::new()),
            frame(PRIORITY, 0, 1, &[0, 0, 0, 3, 16]),
        ),
        (
            "windows",
            begun(body),
            frame(WINDOW_UPDATE, 0, 1, &1_u32.to_be_bytes()),
        ),
        (
            "heads",
            begun(Vec::new()),
            frame(HEADERS, END_STREAM, 1, GET_HELLO),
        ),
        (
            "a table of one large field",
            begun(frame(HEADERS, END_STREAM, 1, &bomb)),
            frame(CONTINUATION, 0, 1, &[0xbe; 4096]),
        ),
        (
            "unknown frames",
            begun(Vec::new()),
            frame(0xbb, 0, 0, &[0; 64]),
        ),
    ]
}

/// Send until the node has enough, or the time is up; read nothing.
async fn send(node: &Running, (_, begin, piece): &Flood) {
    let mut wire = Wire::connect(node.address()).await;
    let much = repeated(piece);
    let sending = async {
        wire.try_send(begin).await;
        while wire.is_taken(&much).await {}
    };
    // A node that takes no more until its own bytes are read is right, too.
    let _ = timeout(FLOOD, sending).await;
}

#[tokio::test]
async fn floods_make_the_node_no_larger_and_let_nobody_wait() {
    let plugins = [
        fixture("hello"),
        variant("hostile", "[limits]\ninstances = 8"),
    ];
    let folder = data_folder();
    let mut command = edge(folder.path());
    let paths = plugins
        .each_ref()
        .map(|plugin| plugin.path().display().to_string());
    command
        .env("EDGE_PLUGINS", paths.join(","))
        .env("EDGE_ACCESS_LOG", "off")
        .env("EDGE_RATE_LIMIT", "off");
    let mut node = Running::start(command.arg("serve"));
    node.banner();
    let mut other = node.wire().await;
    for _ in 0..100 {
        other.send(get("/hello")).await;
        other.reply().await.assert_status(200);
    }
    let before = node.peak_bytes();
    let floods = [floods(), h2_floods()].concat();
    for flood in &floods {
        let clients = (0..EACH).map(|_| send(&node, flood));
        let others = async {
            for _ in 0..20 {
                other.send(get("/hello")).await;
                other.reply().await.assert_status(200);
            }
        };
        tokio::join!(join_all(clients), others);
        let grown = node.peak_bytes().saturating_sub(before);
        eprintln!("{}: {} KiB in all", flood.0, grown >> 10);
        assert!(grown < MOST_BYTES, "{}: {grown} bytes", flood.0);
    }
}
