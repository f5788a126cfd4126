//! What every instance of a plugin shares.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::Engine;

use super::background::Background;
use super::call::Call;
use super::stats::Stats;
use super::turns::Turns;
use crate::capabilities::Granted;

/// What every instance of a plugin shares.
pub(super) struct Shared {
    pub(super) engine: Engine,
    pub(super) background: Arc<Background>,
    pub(super) turns: Arc<Turns>,
    pub(super) name: String,
    pub(super) version: String,
    /// Linear memory of one instance, in bytes.
    pub(super) memory: usize,
    /// Bounds of one request.
    pub(super) bounds: Bounds,
    /// Longest response body, in bytes.
    pub(super) max_response: u64,
    /// How many requests an instance answers; `None` for a fresh one each.
    pub(super) requests_per_instance: Option<u32>,
    pub(super) granted: Arc<Granted>,
    /// What the release has done so far.
    pub(super) stats: Arc<Stats>,
}

/// What bounds one piece of work inside an instance, besides its deadline.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Time on a processor.
    pub(super) cpu_time: Duration,
    /// Calls into the host.
    pub(super) host_calls: u32,
}

impl Shared {
    /// One line for what a guest wrote while it worked on `call`.
    pub(super) fn log_output(&self, call: &Call, text: &str) {
        tracing::info!(
            target: "plugin",
            plugin = self.name,
            version = self.version,
            request_id = call.id,
            trace_id = call.trace_id(),
            "{text}"
        );
    }
}
