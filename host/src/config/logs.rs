//! The settings of what is logged, and how.

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// Which requests get an access line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessLog {
    /// Every request.
    All,
    /// Requests that ended with status 500 or above.
    Errors,
    /// None.
    Off,
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "human" => Ok(LogFormat::Human),
        "json" => Ok(LogFormat::Json),
        _ => Err("is neither `human` nor `json`".into()),
    }
}

pub(super) fn log_filter(text: &str) -> Result<String, String> {
    match tracing_subscriber::EnvFilter::try_new(text) {
        Ok(_) => Ok(text.into()),
        Err(error) => Err(format!("is not a log filter: {error}")),
    }
}

pub(super) fn access_log(text: &str) -> Result<AccessLog, String> {
    match text {
        "all" => Ok(AccessLog::All),
        "errors" => Ok(AccessLog::Errors),
        "off" => Ok(AccessLog::Off),
        _ => Err("is none of `all`, `errors` and `off`".into()),
    }
}
