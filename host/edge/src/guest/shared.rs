//! Settings, grants and statistics shared by all instances of a release.

use std::sync::Arc;
use std::time::Duration;

use tracing::Level;
use wasmtime::Engine;

use super::call::Call;
use super::cpu_permits::CpuPermits;
use super::demotion::Background;
use super::output::{Output, Written};
use super::stats::Stats;
use crate::guest::Granted;
use crate::telemetry::PLUGIN;

/// Logs the text that a guest wrote. A macro, because tracing needs a constant level for each
/// event.
macro_rules! log {
    ($level:ident, $shared:expr, $call:expr, $text:expr) => {
        tracing::$level!(
            target: PLUGIN,
            plugin = &*$shared.name,
            version = $shared.version,
            request_id = $call.id,
            trace_id = $call.trace_id(),
            "{}",
            $text
        )
    };
}

/// Settings, grants and statistics shared by all instances of a release.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) background: Arc<Background>,
    pub(crate) cpu_permits: Arc<CpuPermits>,
    pub(crate) name: Arc<str>,
    pub(crate) version: String,
    /// Maximum linear memory of one instance, in bytes.
    pub(crate) memory: usize,
    /// Limits of one request.
    pub(crate) bounds: Bounds,
    /// Maximum length of a response body, in bytes.
    pub(crate) max_response: u64,
    /// Requests that an instance answers before it is dropped; `None` for a fresh instance per
    /// request.
    pub(crate) requests_per_instance: Option<u32>,
    pub(crate) granted: Arc<Granted>,
    /// Statistics of the release on this node.
    pub(crate) stats: Arc<Stats>,
}

/// Limits of one request or job inside an instance, besides its deadline.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Maximum processor time.
    pub(crate) cpu_time: Duration,
    /// Maximum number of host calls.
    pub(crate) host_calls: u32,
}

impl Shared {
    /// Logs the output of a guest while it worked on `call`, one event for each level.
    pub(crate) fn log_output(&self, call: &Call, output: &Output) {
        for Written { level, text } in output.take() {
            match level {
                Level::ERROR => log!(error, self, call, text),
                Level::WARN => log!(warn, self, call, text),
                Level::DEBUG => log!(debug, self, call, text),
                _ => log!(info, self, call, text),
            }
        }
    }
}
