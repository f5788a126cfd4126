//! A client that sends what it is told, byte by byte, however wrong.

use std::io::ErrorKind;
use std::net::SocketAddr;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::{Reply, in_time};

/// More than any reply of these tests has.
const MOST_FIELDS: usize = 64;

/// The simplest request for `target`.
pub fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nhost: shop\r\n\r\n")
}

/// The head of a POST to `target` with one more header field.
pub fn post(target: &str, field: &str) -> String {
    format!("POST {target} HTTP/1.1\r\nhost: shop\r\n{field}\r\n\r\n")
}

/// Bytes that are read at once, at least.
const READ_AHEAD: usize = 64 * 1024;

/// What a connection is made of: TCP, or TLS over it.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A connection, and what was read of it ahead.
pub struct Wire {
    stream: Box<dyn Stream>,
    ahead: Vec<u8>,
}

impl Wire {
    /// Connect.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = in_time("a connection", TcpStream::connect(address)).await;
        Self::over(stream.expect("a connection"))
    }

    /// Talk over `stream`.
    pub fn over(stream: impl Stream + 'static) -> Self {
        Self {
            stream: Box::new(stream),
            ahead: Vec::new(),
        }
    }

    /// Connect with room for only `bytes` bytes that were not read yet.
    pub async fn connect_with_window(address: SocketAddr, bytes: u32) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(bytes).expect("a small buffer");
        let stream = in_time("a connection", socket.connect(address)).await;
        Self::over(stream.expect("a connection"))
    }

    /// Send `bytes`.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sent = in_time("sending", self.stream.write_all(bytes.as_ref())).await;
        sent.expect("the server takes it");
    }

    /// Send `bytes`, or as much of them as the server takes.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) {
        // The reply tells the test why the rest was not taken.
        let _ = in_time("sending", self.stream.write_all(bytes.as_ref())).await;
    }

    /// Send `bytes`, for as long as that takes. Returns whether the server took
    /// them all.
    pub async fn is_taken(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// Send no more.
    pub async fn finish(&mut self) {
        self.stream
            .shutdown()
            .await
            .expect("a half-closed connection");
    }

    /// The next reply, with its body.
    pub async fn reply(&mut self) -> Reply {
        let mut reply = self.bare_reply().await;
        let length = reply
            .headers
            .get(CONTENT_LENGTH)
            .expect("a length")
            .to_str()
            .expect("text");
        let length: usize = length.parse().expect("a number");
        while self.ahead.len() < length {
            assert!(self.read().await, "the body broke off: {reply:?}");
        }
        reply.body = self.ahead.drain(..length).collect::<Vec<_>>().into();
        reply
    }

    /// The next reply, to a request that gets no body: HEAD, or one that
    /// expects `100 Continue`.
    pub async fn bare_reply(&mut self) -> Reply {
        loop {
            if let Some(reply) = self.take_head() {
                return reply;
            }
            let ahead = String::from_utf8_lossy(&self.ahead).into_owned();
            assert!(
                self.read().await,
                "no reply: the connection ended after {ahead:?}"
            );
        }
    }

    /// Whatever comes next; `None` at the end of the connection.
    pub async fn some(&mut self) -> Option<Vec<u8>> {
        if self.ahead.is_empty() && !self.read().await {
            return None;
        }
        Some(std::mem::take(&mut self.ahead))
    }

    /// Everything that still comes before the server closes the connection.
    pub async fn rest(mut self) -> Vec<u8> {
        while self.read().await {}
        self.ahead
    }

    /// Check that the server closes the connection and says no more.
    pub async fn assert_closed(self) {
        let rest = self.rest().await;
        assert!(
            rest.is_empty(),
            "unexpected: {:?}",
            String::from_utf8_lossy(&rest)
        );
    }

    /// Check that the server ends its side, says no more, and resets nothing.
    pub async fn assert_ended(mut self) {
        self.ahead.reserve(READ_AHEAD);
        let read = in_time("the end", self.stream.read_buf(&mut self.ahead)).await;
        assert_eq!(read.expect("no reset"), 0, "the server says more");
    }

    /// Read what there is; `false` at the end of the connection.
    async fn read(&mut self) -> bool {
        self.ahead.reserve(READ_AHEAD);
        match in_time("reading", self.stream.read_buf(&mut self.ahead)).await {
            Ok(read) => read > 0,
            // The server closed while bytes of ours were under way.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("reading: {error}"),
        }
    }

    fn take_head(&mut self) -> Option<Reply> {
        let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
        let mut head = httparse::Response::new(&mut fields);
        let parsed = head.parse(&self.ahead).unwrap_or_else(|error| {
            panic!("{error} in {:?}", String::from_utf8_lossy(&self.ahead))
        });
        let httparse::Status::Complete(length) = parsed else {
            return None;
        };
        let mut headers = HeaderMap::new();
        for field in head.headers.iter() {
            let name = HeaderName::from_bytes(field.name.as_bytes()).expect("a name");
            headers.append(name, HeaderValue::from_bytes(field.value).expect("a value"));
        }
        let status = head.code.expect("a status");
        self.ahead.drain(..length);
        Some(Reply {
            status,
            headers,
            body: Bytes::new(),
        })
    }
}
