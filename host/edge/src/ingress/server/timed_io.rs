//! A client's connection as hyper reads and writes it, with two things that hyper lacks: a 408 for
//! a request head that is not completed in time, and the error envelope for errors that hyper would
//! send without a body (400, 414, 431).

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::config::{ClientLimits, ReplyHeaders};
use crate::ingress::error_response::{ErrorResponse, REQUEST_ID, new_id};
use crate::telemetry::{RefusalReason, Traffic};

/// Counters of the requests of one connection.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    /// Requests that are being answered.
    running: AtomicUsize,
    /// Requests that have begun since the connection was accepted.
    begun: AtomicUsize,
}

impl InFlight {
    /// Counts a request as running until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> InFlightGuard {
        self.begun.fetch_add(1, Relaxed);
        self.running.fetch_add(1, Relaxed);
        InFlightGuard(self.clone())
    }

    fn is_idle(&self) -> bool {
        self.running.load(Relaxed) == 0
    }
}

/// Guard of a request that is being answered.
pub(super) struct InFlightGuard(Arc<InFlight>);

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Relaxed);
    }
}

/// State of the client between requests, which decides the timeout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No byte of the next request has arrived.
    Waiting,
    /// A request head has begun.
    Head,
    /// HTTP/2, which has only the idle timeout: since it multiplexes, the heads of streams arrive
    /// between the bodies of others.
    Http2,
}

/// Bytes with which HTTP/2 with prior knowledge begins.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection with timeouts for request heads, and error envelopes for hyper's errors.
pub(super) struct TimedIo<S> {
    stream: S,
    activity: Arc<InFlight>,
    /// Header fields of the replies that are written here.
    headers: Arc<ReplyHeaders>,
    traffic: Arc<Traffic>,
    head_timeout: Duration,
    idle_timeout: Duration,
    phase: Phase,
    /// Rest of the HTTP/2 preface that must still arrive; `None` once it is complete or the
    /// connection is not HTTP/2.
    preface: Option<&'static [u8]>,
    /// Time at which the timeout of this phase ends.
    until: Instant,
    /// Requests that had begun when the phase was last updated.
    seen: usize,
    timer: Pin<Box<Sleep>>,
    /// Bytes of a reply written here, which are sent before anything else.
    pending: Vec<u8>,
    sent: usize,
    /// True if bytes were written since the last flush. hyper flushes once it has written all that
    /// it has, so bytes that are written between two flushes need not begin with a head, and the
    /// client may still be reading.
    unflushed: bool,
    closing: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> TimedIo<S> {
    pub(super) fn new(
        stream: S,
        activity: Arc<InFlight>,
        limits: &ClientLimits,
        headers: Arc<ReplyHeaders>,
        traffic: Arc<Traffic>,
    ) -> Self {
        let until = Instant::now() + limits.idle_timeout;
        Self {
            stream,
            activity,
            headers,
            traffic,
            head_timeout: limits.head_timeout,
            idle_timeout: limits.idle_timeout,
            phase: Phase::Waiting,
            preface: Some(HTTP2_PREFACE),
            until,
            seen: 0,
            timer: Box::pin(tokio::time::sleep_until(until)),
            pending: Vec::new(),
            sent: 0,
            unflushed: false,
            closing: false,
        }
    }

    /// Leaves the phase of the head once a complete head has become a request.
    fn note_requests(&mut self) {
        let begun = self.activity.begun.load(Relaxed);
        if begun != self.seen {
            self.seen = begun;
            self.wait();
        }
    }

    fn note_read(&mut self, read: &[u8]) {
        if self.ends_preface(read) {
            self.enter(Phase::Http2);
        } else if self.phase == Phase::Waiting && self.activity.is_idle() {
            self.enter(Phase::Head);
        }
    }

    /// Returns whether `read` completes the HTTP/2 preface. Bytes that are only a part of it count
    /// as a request head, which has a timeout.
    fn ends_preface(&mut self, read: &[u8]) -> bool {
        let Some(missing) = self.preface.take() else {
            return false;
        };
        self.preface = missing.strip_prefix(read).filter(|rest| !rest.is_empty());
        read.starts_with(missing)
    }

    /// Restarts the timeout after a write: the client is reading.
    fn note_write(&mut self) {
        self.unflushed = true;
        self.wait();
    }

    /// Restarts the timeout of the client.
    fn wait(&mut self) {
        match self.phase {
            Phase::Http2 => self.enter(Phase::Http2),
            Phase::Waiting | Phase::Head => self.enter(Phase::Waiting),
        }
    }

    fn enter(&mut self, phase: Phase) {
        let timeout = match phase {
            Phase::Head => self.head_timeout,
            Phase::Waiting | Phase::Http2 => self.idle_timeout,
        };
        self.phase = phase;
        self.until = Instant::now() + timeout;
    }

    /// Closes the connection of a client that has sent no request within its timeout, with a 408 if
    /// it began one.
    fn poll_timeout(&mut self, context: &mut Context<'_>) -> Poll<()> {
        ready!(self.poll_timer(context));
        if !self.activity.is_idle() {
            // The client waits for a reply, so its timeout starts again.
            self.wait();
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.phase == Phase::Head {
            let status = StatusCode::REQUEST_TIMEOUT;
            self.traffic.count_refusal(RefusalReason::of_status(status));
            self.pending = raw_reply(status, "The request took too long.", &self.headers);
        }
        self.closing = true;
        Poll::Ready(())
    }

    /// Waits until the timeout has passed. Nearly every request postpones it, so the timer is reset
    /// when it fires and not each time.
    fn poll_timer(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.until < self.timer.deadline() {
            self.timer.as_mut().reset(self.until);
        }
        loop {
            ready!(self.timer.as_mut().poll(context));
            if self.timer.deadline() >= self.until {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(self.until);
        }
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

    /// Returns whether `head` is an error that hyper wrote by itself. The error envelope is then
    /// sent instead.
    fn replaces(&mut self, head: &[u8]) -> bool {
        if self.unflushed {
            return false;
        }
        let Some(status) = bare_error(head) else {
            return false;
        };
        self.traffic.count_refusal(RefusalReason::of_status(status));
        self.pending = raw_reply(status, message(status), &self.headers);
        true
    }
}

/// Returns the status of an error that hyper wrote by itself, which has no body and lacks the
/// header field that all replies of the host have.
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

/// Returns a complete reply as bytes, after which the connection is closed.
fn raw_reply(status: StatusCode, message: &str, headers: &ReplyHeaders) -> Vec<u8> {
    let request_id = new_id();
    tracing::info!(target: "access", request_id, status = status.as_u16(), "{message}");
    let body = ErrorResponse::host(status, message).envelope(&request_id);
    let reason = status.canonical_reason().unwrap_or("Error");
    let mut reply = format!(
        "HTTP/1.1 {} {reason}\r\ncontent-type: application/json; charset=utf-8\r\n\
         content-length: {}\r\n{REQUEST_ID}: {request_id}\r\nconnection: close\r\n",
        status.as_u16(),
        body.len()
    )
    .into_bytes();
    for (name, value) in headers.fields(&HeaderMap::new()) {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            reply.extend(part);
        }
    }
    reply.extend(b"\r\n");
    reply.extend(body);
    reply
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TimedIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.closing {
            this.note_requests();
            let before = buffer.filled().len();
            if Pin::new(&mut this.stream)
                .poll_read(context, buffer)?
                .is_ready()
            {
                this.note_read(buffer.filled().get(before..).unwrap_or_default());
                return Poll::Ready(Ok(()));
            }
            ready!(this.poll_timeout(context));
        }
        // hyper takes an empty read for the end of the client's stream.
        this.poll_pending(context)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TimedIo<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(context))?;
        if self.replaces(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.note_write();
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(context))?;
        if let Some(head) = slices.first().filter(|head| self.replaces(head)) {
            return Poll::Ready(Ok(head.len()));
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, slices))?;
        self.note_write();
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(context))?;
        self.unflushed = false;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
