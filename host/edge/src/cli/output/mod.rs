//! Output of commands, whose reader may go away, as in `edge audit | head`.

pub(super) mod exit;
pub(super) mod format;
pub(super) mod migrations;
pub(super) mod rollout;
pub(super) mod table;

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

use anyhow::anyhow;
use serde::Serialize;

use crate::printable;

/// Error that ends a command that only prints, once nobody reads standard
/// output.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the output any more")]
pub(super) struct ReaderGone;

/// Prints a text to standard output.
///
/// # Errors
/// [`ReaderGone`] when nobody reads it; any other error of standard output.
pub(super) fn print(text: Arguments<'_>) -> anyhow::Result<()> {
    bytes(text.to_string().as_bytes())
}

/// Prints a value, as JSON or as the text that `text` makes of it.
///
/// # Errors
/// As [`print`].
pub(super) fn print_value<T: Serialize>(
    value: &T,
    json: bool,
    text: impl Fn(&T) -> String,
) -> anyhow::Result<()> {
    if json {
        let json = serde_json::to_string_pretty(value)?;
        print(format_args!("{}\n", printable::json(&json)))?;
    } else {
        print(format_args!("{}", text(value)))?;
    }
    Ok(())
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

/// Prints a value as JSON, if anybody reads it.
///
/// # Errors
/// When the value has no JSON.
pub(super) fn tell_json(value: &impl Serialize) -> anyhow::Result<()> {
    let json = serde_json::to_string_pretty(value)?;
    tell(format_args!("{}\n", printable::json(&json)));
    Ok(())
}

/// Prints an error to standard error, if anybody reads it.
pub(super) fn complain(text: Arguments<'_>) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
