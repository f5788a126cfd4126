//! Settings of log lines and of the access log.

use super::layers::Layers;
use super::values::at_most_10_000;

/// Format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for people.
    Human,
    /// One JSON object a line.
    Json,
}

/// Requests that are written to the access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessLog {
    /// Every request.
    All,
    /// Every request, with what it cost, for people who write a plugin.
    Costs,
    /// Requests that ended with status 500 or above.
    Errors,
    /// No request.
    Off,
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "human" => Ok(LogFormat::Human),
        "json" => Ok(LogFormat::Json),
        _ => Err("is neither `human` nor `json`".into()),
    }
}

fn log_filter(text: &str) -> Result<String, String> {
    match tracing_subscriber::EnvFilter::try_new(text) {
        Ok(_) => Ok(text.into()),
        Err(error) => Err(format!("is not a log filter: {error}")),
    }
}

pub(super) fn access_log(text: &str) -> Result<AccessLog, String> {
    match text {
        "all" => Ok(AccessLog::All),
        "costs" => Ok(AccessLog::Costs),
        "errors" => Ok(AccessLog::Errors),
        "off" => Ok(AccessLog::Off),
        _ => Err("is none of `all`, `costs`, `errors` and `off`".into()),
    }
}

/// Format and filter of log lines, their limit on repeats, and how many are
/// kept.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// Format of the lines.
    pub format: LogFormat,
    /// Lines that are written, as `tracing` filter directives.
    pub filter: String,
    /// Equal lines that are written within ten seconds; further ones are only
    /// counted. 0 writes them all.
    pub repeats: u32,
    /// Lines that are kept for `edge logs`: this many warnings and errors, and
    /// as many others.
    pub kept: u32,
}

impl LogSettings {
    pub(super) fn take(layers: &mut Layers) -> Self {
        Self {
            format: layers.take("log_format", LogFormat::Human, log_format),
            filter: layers.take("log_filter", "info".into(), log_filter),
            repeats: layers.take("log_repeats", 10, at_most_10_000),
            kept: layers.take("log_kept", 1000, kept),
        }
    }
}

/// Maximum of lines that are kept: about 100 MB.
const MAX_KEPT: u32 = 100_000;

fn kept(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(lines @ 1..=MAX_KEPT) => Ok(lines),
        _ => Err(format!("is no whole number from 1 to {MAX_KEPT}")),
    }
}
