//! A server that answers by the path it is asked for, well or badly.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

type Stream = BufReader<TcpStream>;

/// The server; it ends when it is dropped.
pub struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Server {
    /// Start it on a port of 127.0.0.1.
    pub async fn start() -> Self {
        Self::start_on("127.0.0.1").await
    }

    /// Start it on a port of `host`.
    pub async fn start_on(host: &str) -> Self {
        let listener = TcpListener::bind((host, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = connections.clone();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                // Who is cut off by a test does not mind.
                tokio::spawn(async move { serve(BufReader::new(stream)).await.ok() });
            }
        });
        Self {
            address,
            connections,
            serving,
        }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Its origin.
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    /// `path` on it.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin())
    }

    /// How many connections were ever made to it.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Answer one request after another, until one ends the connection.
async fn serve(mut stream: Stream) -> io::Result<()> {
    while let Some((path, body)) = read(&mut stream).await? {
        if !answer(&mut stream, &path, body).await? {
            break;
        }
    }
    Ok(())
}

/// A path that nobody asks for: its request had a body of unknown length.
const CHUNKED: &str = "/chunked";

/// The path of the next request, and how many bytes its body has.
async fn read(stream: &mut Stream) -> io::Result<Option<(String, usize)>> {
    let mut path = None;
    let mut is_chunked = false;
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        path = path.or_else(|| line.split(' ').nth(1).map(str::to_owned));
        is_chunked |= line == "transfer-encoding: chunked";
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap_or(0);
        }
    }
    let body = match is_chunked {
        true => skip_chunks(stream).await?,
        false => {
            stream.read_exact(&mut vec![0; length]).await?;
            length
        }
    };
    // As servers that answer 411 do.
    let path = path.map(|path| match path == "/length-required" && is_chunked {
        true => CHUNKED.to_owned(),
        false => path,
    });
    Ok(path.map(|path| (path, body)))
}

async fn skip_chunks(stream: &mut Stream) -> io::Result<usize> {
    let mut total = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let bytes = usize::from_str_radix(line.trim_end(), 16).unwrap_or(0);
        // With the line's end behind it.
        stream.read_exact(&mut vec![0; bytes + 2]).await?;
        total += bytes;
        if bytes == 0 {
            return Ok(total);
        }
    }
}

/// Answer, and say whether the connection goes on.
async fn answer(stream: &mut Stream, path: &str, body: usize) -> io::Result<bool> {
    if let Some(bytes) = path.strip_prefix("/bytes/") {
        return send_bytes(stream, bytes.parse().unwrap_or(0)).await;
    }
    if let Some(bytes) = path.strip_prefix("/chunks/") {
        return send_chunks(stream, bytes.parse().unwrap_or(0)).await;
    }
    let (reply, goes_on) = match path {
        "/hello" => (ok("hello"), true),
        CHUNKED => (
            "HTTP/1.1 411 Length Required\r\ncontent-length: 0\r\n\r\n".into(),
            true,
        ),
        "/length-required" => (ok(&body.to_string()), true),
        "/count" => (ok(&body.to_string()), true),
        "/redirect" => {
            let head = "HTTP/1.1 302 Found\r\nlocation: /hello\r\ncontent-length: 0\r\n\r\n";
            (head.to_owned(), true)
        }
        "/silent" => (String::new(), true),
        "/stalled" => (
            "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".into(),
            true,
        ),
        "/closed" => (String::new(), false),
        "/cut" => (
            "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".into(),
            false,
        ),
        "/cut-chunk" => (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nhalf".into(),
            false,
        ),
        "/garbage" => ("what is HTTP?\r\n\r\n".into(), false),
        "/long-head" => (
            format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(1 << 20)),
            false,
        ),
        _ => (
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".into(),
            true,
        ),
    };
    stream.write_all(reply.as_bytes()).await?;
    Ok(goes_on)
}

fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn send_bytes(stream: &mut Stream, bytes: usize) -> io::Result<bool> {
    stream.write_all(ok(&"x".repeat(bytes)).as_bytes()).await?;
    Ok(true)
}

async fn send_chunks(stream: &mut Stream, bytes: usize) -> io::Result<bool> {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    let chunk = format!("{bytes:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(bytes));
    stream.write_all(chunk.as_bytes()).await?;
    Ok(true)
}
