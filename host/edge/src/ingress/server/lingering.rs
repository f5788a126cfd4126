//! Lingering close, so that the client receives its last reply.
//!
//! The kernel answers bytes that arrive after a close, or that were not read by then, with a reset,
//! and the client's kernel may discard at a reset what its program has not read yet, such as the
//! reply that gives the reason. So the writing side is shut down first, and bytes that the client
//! still sends are read and dropped until it closes too (RFC 9112 section 9.6).

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until};

/// Time limit for the client to close, from the last byte that was sent to it: several round trips,
/// and short enough that a client which never stops sending does not hold its connection slot for
/// long.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Bytes that are read and dropped at a time.
const READ: usize = 16 * 1024;

/// A stream whose shutdown waits until the client closes too.
pub(super) struct Lingering<S> {
    stream: S,
    /// Channel that is closed once the node stops. From then on nearly all connections that end are
    /// idle ones, so their clients' ends are not awaited.
    stopping: watch::Receiver<()>,
    /// Time at which the last byte was written. A client that has been idle since then has read it.
    written: Option<Instant>,
    /// Timer of the wait for the client's end; set once the writing side is shut down.
    timeout: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + Unpin> Lingering<S> {
    /// Wraps `stream`. Shutdowns wait for no client once the sender of `stopping` is dropped.
    pub(super) fn new(stream: S, stopping: watch::Receiver<()>) -> Self {
        Self {
            stream,
            stopping,
            written: None,
            timeout: None,
        }
    }

    fn note_write(&mut self) {
        self.written = Some(Instant::now());
    }

    /// Reads and drops bytes until the client closes or the timer fires.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(timeout) = &mut self.timeout else {
            return Poll::Ready(());
        };
        let mut bytes = [MaybeUninit::uninit(); READ];
        while timeout.as_mut().poll(context).is_pending() {
            let mut dropped = ReadBuf::uninit(&mut bytes);
            let read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut dropped));
            if read.is_err() || dropped.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.note_write();
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, slices))?;
        self.note_write();
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.timeout.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            let is_stopping = self.stopping.has_changed().is_err();
            if let Some(written) = self.written.filter(|_| !is_stopping) {
                self.timeout = Some(Box::pin(sleep_until(written + TIMEOUT)));
            }
        }
        ready!(self.poll_end(context));
        Poll::Ready(Ok(()))
    }
}
