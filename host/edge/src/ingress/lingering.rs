//! A close that lets the last reply arrive.
//!
//! The kernel answers bytes that come after a close, or that nobody had read
//! by then, with a reset; and the client's kernel may forget over a reset what
//! its program has not read yet: the reply that says why. So the end of our
//! side goes out first, and what the client still sends is read and dropped
//! until it closes too (RFC 9112, section 9.6).

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until};

/// How long after our last byte the client may still close: several round
/// trips, and no reason to keep a place for somebody who never stops sending.
const PATIENCE: Duration = Duration::from_secs(2);

/// Bytes that are dropped at once.
const READ: usize = 16 * 1024;

/// A stream whose shutdown waits for the client's.
pub(super) struct Lingering<S> {
    stream: S,
    /// Closed once the node stops: then nearly all connections that end are
    /// idle ones, whose clients need not be in a hurry.
    stopping: watch::Receiver<()>,
    /// When our last byte went out. A client that has been idle since has
    /// read it.
    written: Option<Instant>,
    /// Our side is at its end; for this long the client's is awaited.
    patience: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + Unpin> Lingering<S> {
    /// Without waiting for anybody once the sender of `stopping` is gone.
    pub(super) fn new(stream: S, stopping: watch::Receiver<()>) -> Self {
        Self {
            stream,
            stopping,
            written: None,
            patience: None,
        }
    }

    fn note_write(&mut self) {
        self.written = Some(Instant::now());
    }

    /// Read and drop, until the client is at its end or the time is up.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(patience) = &mut self.patience else {
            return Poll::Ready(());
        };
        let mut bytes = [MaybeUninit::uninit(); READ];
        while patience.as_mut().poll(context).is_pending() {
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
        if self.patience.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            let is_stopping = self.stopping.has_changed().is_err();
            if let Some(written) = self.written.filter(|_| !is_stopping) {
                self.patience = Some(Box::pin(sleep_until(written + PATIENCE)));
            }
        }
        ready!(self.poll_end(context));
        Poll::Ready(Ok(()))
    }
}
