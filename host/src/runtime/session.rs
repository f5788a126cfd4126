//! The request that an instance works on.

use std::sync::Arc;

use super::call::{Call, TooManyHostCalls};
use super::host_calls::{HostCall, Operation};
use super::stats::Stats;
use crate::capabilities::Granted;

/// The request that an instance works on: whose it is, what may be used for
/// it, and what is left of its time and its calls into the host.
pub struct Session {
    granted: Arc<Granted>,
    stats: Arc<Stats>,
    call: Call,
    host_calls: u32,
    host_calls_left: u32,
}

impl Session {
    pub(super) fn new(
        granted: Arc<Granted>,
        stats: Arc<Stats>,
        call: Call,
        host_calls: u32,
    ) -> Self {
        Self {
            granted,
            stats,
            call,
            host_calls,
            host_calls_left: host_calls,
        }
    }

    /// Begin with another request of the same plugin.
    pub(super) fn begin(&mut self, call: Call, host_calls: u32) {
        self.call = call;
        self.host_calls = host_calls;
        self.host_calls_left = host_calls;
    }

    /// Account for one call into the host.
    ///
    /// # Errors
    /// When the request has no calls left. The capability tells the guest so,
    /// in its own words.
    pub fn count_host_call(&mut self) -> Result<(), TooManyHostCalls> {
        match self.host_calls_left.checked_sub(1) {
            Some(left) => {
                self.host_calls_left = left;
                Ok(())
            }
            None => {
                self.call.unhurried.set();
                Err(TooManyHostCalls(self.host_calls))
            }
        }
    }

    /// Begin an operation that `system` answers, such as `mysql`.
    #[must_use]
    pub fn begin_operation(&self, operation: Operation, system: &'static str) -> HostCall {
        HostCall::begin(&self.stats, &self.call, operation, system)
    }

    pub(super) fn stats(&self) -> &Stats {
        &self.stats
    }

    /// What the plugin may use.
    #[must_use]
    pub fn granted(&self) -> &Granted {
        &self.granted
    }

    /// What the instance works on.
    #[must_use]
    pub fn call(&self) -> &Call {
        &self.call
    }
}
