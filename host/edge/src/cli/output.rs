//! Output of commands, whose reader may go away, as in `edge audit | head`.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

use anyhow::anyhow;

/// Error that ends a command that only prints, once nobody reads standard
/// output.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the output any more")]
pub(crate) struct ReaderGone;

/// Prints a text to standard output.
///
/// # Errors
/// [`ReaderGone`] when nobody reads it; any other error of standard output.
pub(super) fn print(text: Arguments<'_>) -> anyhow::Result<()> {
    bytes(text.to_string().as_bytes())
}

/// Prints bytes that are text already to standard output.
///
/// # Errors
/// As [`print`].
pub(super) fn bytes(text: &[u8]) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    let written = output.write_all(text).and_then(|()| output.flush());
    written.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => ReaderGone.into(),
        _ => anyhow!("standard output: {error}"),
    })
}

/// Prints a text if anybody reads it. Errors are ignored, so that a command
/// with work in progress ends as it would with a reader.
pub(super) fn tell(text: Arguments<'_>) {
    let mut output = std::io::stdout().lock();
    let _ = output.write_fmt(text).and_then(|()| output.flush());
}

/// Prints an error to standard error, if anybody reads it.
pub(crate) fn complain(text: Arguments<'_>) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
