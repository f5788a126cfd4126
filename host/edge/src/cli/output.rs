//! What commands print, to a reader that may go away: `edge audit | head`.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

use anyhow::anyhow;

/// Nobody reads standard output any more, so a command that only prints ends.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the output any more")]
pub(crate) struct ReaderGone;

/// Print the text.
///
/// # Errors
/// [`ReaderGone`] when nobody reads it; what else is wrong with standard
/// output.
pub(super) fn print(text: Arguments<'_>) -> anyhow::Result<()> {
    bytes(text.to_string().as_bytes())
}

/// Print what is text already.
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

/// Print the text if anybody reads it. What is under way goes on without its
/// reader, and ends as it would with one.
pub(super) fn tell(text: Arguments<'_>) {
    let mut output = std::io::stdout().lock();
    let _ = output.write_fmt(text).and_then(|()| output.flush());
}

/// Print an error, if anybody reads it.
pub(crate) fn complain(text: Arguments<'_>) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
