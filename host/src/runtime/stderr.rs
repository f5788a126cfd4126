//! What a guest writes to its standard output and error: kept for the request
//! that it belongs to, up to a bound, then logged with the request's id.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// Bytes that are kept of one request's output. A panic message with its
/// place takes a few hundred.
const KEPT: usize = 8 * 1024;

/// Bytes that a guest is asked to write at once, as `wasi:io` asks for them.
const AT_ONCE: usize = 64 * 1024;

/// The output of the request that an instance is answering.
#[derive(Clone, Default)]
pub(super) struct Output(Arc<Mutex<Captured>>);

#[derive(Default)]
struct Captured {
    bytes: Vec<u8>,
    dropped: usize,
}

impl Output {
    /// Take what was written since the last time; `None` when nothing was.
    pub(super) fn take(&self) -> Option<String> {
        let captured = std::mem::take(&mut *self.lock());
        if captured.bytes.is_empty() {
            return None;
        }
        let mut text = String::from_utf8_lossy(&captured.bytes)
            .trim_end()
            .to_owned();
        if captured.dropped > 0 {
            text.push_str(&format!("\n[{} more bytes dropped]", captured.dropped));
        }
        Some(text)
    }

    fn keep(&self, bytes: &[u8]) {
        let mut captured = self.lock();
        let room = KEPT.saturating_sub(captured.bytes.len()).min(bytes.len());
        let (kept, dropped) = bytes.split_at(room);
        captured.bytes.extend_from_slice(kept);
        captured.dropped += dropped.len();
    }

    /// A poisoned lock still holds text worth logging.
    fn lock(&self) -> std::sync::MutexGuard<'_, Captured> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    /// Not the usual one, which passes every write on to a task of its own: a
    /// line of a guest would cost two changes of tasks.
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.keep(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(AT_ONCE)
    }
}

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Output {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.keep(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_counted() {
        let output = Output::default();
        output.keep(&[b'x'; KEPT - 1]);
        output.keep(b"yzzz");
        let text = output.take().expect("something was written");
        assert!(
            text.ends_with("xy\n[3 more bytes dropped]"),
            "{}",
            &text[KEPT - 4..]
        );
        assert!(output.take().is_none(), "taken once");
    }
}
