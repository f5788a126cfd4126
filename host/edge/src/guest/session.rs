//! Session of the request that an instance is answering.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::call::{Call, TooManyCrossings, TooManyHostCalls};
use super::host_calls::HostCall;
use super::operation::Operation;
use super::stats::Stats;
use crate::guest::Granted;

/// Calls into the host of any kind, WASI's functions included, for each host call that the manifest
/// allows. A clock, a random number or a line of output costs about a hundredth of a call to a
/// store.
const CROSSINGS: u64 = 100;

/// Maximum number of outgoing HTTP calls that one instance may have open at once, until their
/// response bodies are dropped. Each holds a connection.
const MOST_OPEN: usize = 64;

/// Session of the request that an instance is answering: its context, its grants, and its remaining
/// calls into the host.
pub struct Session {
    granted: Arc<Granted>,
    stats: Arc<Stats>,
    call: Call,
    host_calls: u32,
    host_calls_left: u32,
    crossings_left: u64,
    open_calls: Arc<Semaphore>,
}

impl Session {
    pub(crate) fn new(
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
            crossings_left: crossings(host_calls),
            open_calls: Arc::new(Semaphore::new(MOST_OPEN)),
        }
    }

    /// Starts another request of the same plugin, with the counts reset.
    pub(crate) fn begin(&mut self, call: Call, host_calls: u32) {
        self.call = call;
        self.host_calls = host_calls;
        self.host_calls_left = host_calls;
        self.crossings_left = crossings(host_calls);
    }

    /// Counts one host call.
    ///
    /// # Errors
    /// Returns an error if the request has no host calls left. Each capability returns it as an
    /// error of its own interface.
    pub fn count_host_call(&mut self) -> Result<(), TooManyHostCalls> {
        match self.host_calls_left.checked_sub(1) {
            Some(left) => {
                self.host_calls_left = left;
                Ok(())
            }
            None => {
                self.call.demotion.set();
                Err(TooManyHostCalls(self.host_calls))
            }
        }
    }

    /// Counts one call into the host of any kind, WASI's functions included.
    ///
    /// # Errors
    /// Returns an error if the request has no such calls left.
    pub(super) fn count_crossing(&mut self) -> Result<(), TooManyCrossings> {
        match self.crossings_left.checked_sub(1) {
            Some(left) => {
                self.crossings_left = left;
                Ok(())
            }
            None => {
                self.call.demotion.set();
                Err(TooManyCrossings(crossings(self.host_calls)))
            }
        }
    }

    /// Returns a permit for one more outgoing call, held until it is dropped; `None` if the maximum
    /// is open already.
    pub(crate) fn open_call(&self) -> Option<OwnedSemaphorePermit> {
        self.open_calls.clone().try_acquire_owned().ok()
    }

    /// Starts counting an operation that `system` answers, such as `mysql`.
    #[must_use]
    pub fn begin_operation(&self, operation: Operation, system: &'static str) -> HostCall {
        HostCall::begin(&self.stats, &self.call, operation, system)
    }

    pub(crate) fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Returns the grants of the plugin.
    #[must_use]
    pub fn granted(&self) -> &Granted {
        &self.granted
    }

    /// Returns the call that the instance is answering.
    #[must_use]
    pub fn call(&self) -> &Call {
        &self.call
    }
}

fn crossings(host_calls: u32) -> u64 {
    u64::from(host_calls).saturating_mul(CROSSINGS)
}
