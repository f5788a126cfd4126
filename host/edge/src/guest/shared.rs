//! What every instance of a plugin shares.

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

/// A line of what a guest wrote. The level of an event is fixed where it is
/// written.
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

/// What every instance of a plugin shares.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) background: Arc<Background>,
    pub(crate) cpu_permits: Arc<CpuPermits>,
    pub(crate) name: Arc<str>,
    pub(crate) version: String,
    /// Linear memory of one instance, in bytes.
    pub(crate) memory: usize,
    /// Bounds of one request.
    pub(crate) bounds: Bounds,
    /// Longest response body, in bytes.
    pub(crate) max_response: u64,
    /// How many requests an instance answers; `None` for a fresh one each.
    pub(crate) requests_per_instance: Option<u32>,
    pub(crate) granted: Arc<Granted>,
    /// What the release has done so far.
    pub(crate) stats: Arc<Stats>,
}

/// What bounds one piece of work inside an instance, besides its deadline.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Time on a processor.
    pub(crate) cpu_time: Duration,
    /// Calls into the host.
    pub(crate) host_calls: u32,
}

impl Shared {
    /// Log what a guest wrote while it worked on `call`: one line for each
    /// level.
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
