//! Standard output and error of a guest. They are kept for the request that they belong to, up to a
//! limit, then logged with the request's id, each line at the level that it begins with.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::io::AsyncWrite;
use tracing::Level;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// Maximum length in bytes of the output kept of one request, and of the error lines kept besides
/// once that is full. A panic message with its location takes a few hundred bytes.
const KEPT: usize = 8 * 1024;

/// Number of bytes that a guest may write at once, reported through `wasi:io`.
const AT_ONCE: usize = 64 * 1024;

/// Captured output of the request that an instance is answering.
#[derive(Clone, Default)]
pub(crate) struct Output(Arc<Mutex<Captured>>);

#[derive(Default)]
struct Captured {
    /// Complete lines, until the limit was reached.
    bytes: Vec<u8>,
    /// Error lines written after that.
    errors: Vec<u8>,
    /// Incomplete line.
    line: Vec<u8>,
    dropped: usize,
}

/// Lines of one level that a guest wrote.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(super) level: Level,
    pub(crate) text: String,
}

impl Output {
    /// Takes the output since the last call, at most one text for each level, the most severe
    /// first.
    pub(crate) fn take(&self) -> Vec<Written> {
        let mut captured = std::mem::take(&mut *self.lock());
        captured.end_line();
        captured.bytes.append(&mut captured.errors);
        if captured.bytes.is_empty() && captured.dropped == 0 {
            return Vec::new();
        }
        let mut text = String::from_utf8_lossy(&captured.bytes).into_owned();
        if captured.dropped > 0 {
            text.push_str(&format!("[{} more bytes dropped]", captured.dropped));
        }
        [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG]
            .into_iter()
            .filter_map(|level| Written::new(level, &text))
            .collect()
    }

    fn keep(&self, bytes: &[u8]) {
        let mut captured = self.lock();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            captured.add(part);
        }
    }

    /// Locks the output. A poisoned lock still holds text worth logging.
    fn lock(&self) -> std::sync::MutexGuard<'_, Captured> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Captured {
    /// Adds a line, or a part of one.
    fn add(&mut self, part: &[u8]) {
        let (part, ends) = match part.strip_suffix(b"\n") {
            Some(part) => (part, true),
            None => (part, false),
        };
        let room = KEPT.saturating_sub(self.line.len()).min(part.len());
        let (kept, dropped) = part.split_at(room);
        self.line.extend_from_slice(kept);
        self.dropped += dropped.len();
        if ends {
            self.line.push(b'\n');
            self.end_line();
        }
    }

    /// Keeps the complete line, if there is room for it.
    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        // One byte more for the newline.
        let fits = |place: &[u8]| place.len() + line.len() <= KEPT + 1;
        if self.errors.is_empty() && fits(&self.bytes) {
            self.bytes.extend_from_slice(&line);
        } else if level(&String::from_utf8_lossy(&line)) == Level::ERROR && fits(&self.errors) {
            self.errors.extend_from_slice(&line);
        } else {
            self.dropped += line.len();
        }
    }
}

impl Written {
    /// Returns the lines of `text` that are of this level; `None` if there are none.
    fn new(level: Level, text: &str) -> Option<Self> {
        let lines = text.lines().filter(|line| self::level(line) == level);
        let text = lines.collect::<Vec<_>>().join("\n").trim_end().to_owned();
        (!text.is_empty()).then_some(Self { level, text })
    }
}

/// Returns the level that the line begins with, as in `WARN: ...`, or `INFO`. `ALARM` marks an
/// error that needs a person's attention.
fn level(line: &str) -> Level {
    match line.split_once(':') {
        Some(("ALARM" | "ERROR", _)) => Level::ERROR,
        Some(("WARN" | "WARNING", _)) => Level::WARN,
        Some(("DEBUG" | "TRACE", _)) => Level::DEBUG,
        _ => Level::INFO,
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

    /// Returns a stream that captures writes directly. The default passes every write on to a task
    /// of its own, which would cost two task switches for each line.
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

    fn texts(output: &Output) -> Vec<(Level, String)> {
        let written = output.take().into_iter();
        written.map(|part| (part.level, part.text)).collect()
    }

    #[test]
    fn a_flood_is_cut_and_counted() {
        let output = Output::default();
        output.keep(&[b'x'; KEPT - 1]);
        output.keep(b"yzzz");
        let written = texts(&output);
        let [(Level::INFO, text)] = &written[..] else {
            panic!("{written:?}");
        };
        assert!(text.starts_with("xxx") && text.contains("xy"), "{text}");
        assert!(text.ends_with("[3 more bytes dropped]"), "{text}");
        assert!(output.take().is_empty(), "taken once");
    }

    #[test]
    fn a_line_has_the_level_that_it_begins_with() {
        let output = Output::default();
        output.keep(b"hello\nWARN: low\nALA");
        output.keep(b"RM: high\nERRORS: none\nERROR: ");
        output.keep(b"higher\nDEBUG: 1\nworld");
        let expected = [
            (Level::ERROR, "ALARM: high\nERROR: higher"),
            (Level::WARN, "WARN: low"),
            (Level::INFO, "hello\nERRORS: none\nworld"),
            (Level::DEBUG, "DEBUG: 1"),
        ];
        let expected = expected.map(|(level, text)| (level, text.to_owned()));
        assert_eq!(texts(&output), expected);
    }

    #[test]
    fn an_error_is_kept_after_a_flood() {
        let output = Output::default();
        for _ in 0..1000 {
            output.keep(b"nothing of interest\n");
        }
        output.keep(b"AL");
        output.keep(b"ARM: a charge\n");
        output.keep(&[b'x'; 2 * KEPT]);
        let written = texts(&output);
        assert_eq!(written[0], (Level::ERROR, "ALARM: a charge".to_owned()));
        let bytes: usize = written.iter().map(|(_, text)| text.len()).sum();
        assert!(bytes < 2 * KEPT, "{bytes}");
        for _ in 0..10_000 {
            output.keep(b"ERROR: again\n");
        }
        let written = texts(&output);
        let bytes: usize = written.iter().map(|(_, text)| text.len()).sum();
        assert!(bytes < 3 * KEPT, "{bytes}");
    }
}
