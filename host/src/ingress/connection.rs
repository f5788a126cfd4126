//! A client's connection as hyper sees it, with two things that hyper leaves
//! to others: a reply to a head that never ends (408), and the error envelope
//! for what hyper refuses by itself (400, 414, 431), which it sends without a
//! body.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::reply::{REQUEST_ID, Refusal};
use crate::config::ClientLimits;

/// Requests of one connection that are being answered.
#[derive(Debug, Default)]
pub(super) struct Activity(AtomicUsize);

impl Activity {
    /// Count a request in until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.0.fetch_add(1, Relaxed);
        Busy(self.clone())
    }

    fn is_idle(&self) -> bool {
        self.0.load(Relaxed) == 0
    }
}

/// A request that is being answered.
pub(super) struct Busy(Arc<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Relaxed);
    }
}

/// What the client is doing, between requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing has come of the next request.
    Waiting,
    /// A head has begun.
    Head,
    /// HTTP/2 multiplexes, and looks after its own time-outs.
    Http2,
}

/// The first bytes of HTTP/2 with prior knowledge.
const HTTP2_PREFACE: &[u8] = b"PRI ";

/// A connection with time-outs for heads, and envelopes for hyper's errors.
pub(super) struct Guarded<S> {
    stream: S,
    activity: Arc<Activity>,
    head_timeout: Duration,
    idle_timeout: Duration,
    phase: Phase,
    timer: Pin<Box<Sleep>>,
    /// Bytes of ours to send before anything else.
    pending: Vec<u8>,
    sent: usize,
    closing: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Guarded<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>, limits: &ClientLimits) -> Self {
        Self {
            stream,
            activity,
            head_timeout: limits.head_timeout,
            idle_timeout: limits.idle_timeout,
            phase: Phase::Waiting,
            timer: Box::pin(tokio::time::sleep(limits.idle_timeout)),
            pending: Vec::new(),
            sent: 0,
            closing: false,
        }
    }

    /// Bytes came in, or were asked for.
    fn note_read(&mut self, read: &[u8]) {
        let next = match self.phase {
            Phase::Http2 => return,
            _ if read.starts_with(HTTP2_PREFACE) => Phase::Http2,
            _ if !self.activity.is_idle() => Phase::Waiting,
            Phase::Waiting => Phase::Head,
            Phase::Head => return,
        };
        self.enter(next);
    }

    fn enter(&mut self, phase: Phase) {
        let patience = match phase {
            Phase::Head => self.head_timeout,
            Phase::Waiting | Phase::Http2 => self.idle_timeout,
        };
        self.phase = phase;
        self.timer.as_mut().reset(Instant::now() + patience);
    }

    /// Give up on a client that sends no request, with a 408 if it began one.
    fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.phase == Phase::Http2 {
            return Poll::Pending;
        }
        ready!(self.timer.as_mut().poll(context));
        if !self.activity.is_idle() {
            // It waits for us; look again later.
            self.enter(Phase::Waiting);
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.phase == Phase::Head {
            self.pending = raw_reply(StatusCode::REQUEST_TIMEOUT, "The request took too long.");
        }
        self.closing = true;
        Poll::Ready(())
    }

    fn poll_pending(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self
            .pending
            .get(self.sent..)
            .filter(|rest| !rest.is_empty())
        {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += written;
        }
        self.pending.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }

    /// Whether `head` was hyper's own error; the envelope goes out instead.
    fn replaces(&mut self, head: &[u8]) -> bool {
        let Some(status) = bare_error(head) else {
            return false;
        };
        self.pending = raw_reply(status, message(status));
        true
    }
}

/// The status of an error that hyper wrote by itself: no body, and without
/// the header field that all of our replies have.
fn bare_error(head: &[u8]) -> Option<StatusCode> {
    if !head.starts_with(b"HTTP/1.1 4") {
        return None;
    }
    let text = std::str::from_utf8(head).ok()?;
    let is_bare = text.contains("\r\ncontent-length: 0\r\n") && !text.contains(REQUEST_ID.as_str());
    is_bare.then(|| text.get(9..12)?.parse().ok()).flatten()
}

fn message(status: StatusCode) -> &'static str {
    match status {
        StatusCode::URI_TOO_LONG => "The request target is too long.",
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => "The header fields are too large.",
        _ => "The request is malformed.",
    }
}

/// A whole reply, after which the connection ends.
fn raw_reply(status: StatusCode, message: &str) -> Vec<u8> {
    let request_id = format!("{:016x}", rand::random::<u64>());
    tracing::info!(target: "access", request_id, status = status.as_u16(), "{message}");
    let body = Refusal::host(status, message).envelope(&request_id);
    let reason = status.canonical_reason().unwrap_or("Error");
    let mut reply = format!(
        "HTTP/1.1 {} {reason}\r\ncontent-type: application/json; charset=utf-8\r\n\
         content-length: {}\r\n{REQUEST_ID}: {request_id}\r\nconnection: close\r\n\r\n",
        status.as_u16(),
        body.len()
    )
    .into_bytes();
    reply.extend(body);
    reply
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.closing {
            let before = buffer.filled().len();
            if Pin::new(&mut this.stream)
                .poll_read(context, buffer)?
                .is_ready()
            {
                this.note_read(buffer.filled().get(before..).unwrap_or_default());
                return Poll::Ready(Ok(()));
            }
            ready!(this.poll_patience(context));
        }
        // An empty read: for hyper, the client has left.
        this.poll_pending(context)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(context))?;
        if self.replaces(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(context))?;
        match slices.first() {
            Some(head) if self.replaces(head) => Poll::Ready(Ok(head.len())),
            _ => Pin::new(&mut self.stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
