//! The request that an instance works on.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::call::{Call, TooManyCrossings, TooManyHostCalls};
use super::host_calls::{HostCall, Operation};
use super::stats::Stats;
use crate::guest::Granted;

/// Calls of any kind, WASI's among them, for each call that the manifest
/// allows: a clock, a random number or a line of output costs about a hundredth
/// of a call to a store.
const CROSSINGS: u64 = 100;

/// Calls out that one instance may have open at once, the bodies of their
/// replies included: each is a connection.
const MOST_OPEN: usize = 64;

/// The request that an instance works on: whose it is, what may be used for
/// it, and what is left of its time and its calls into the host.
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

    /// Begin with another request of the same plugin.
    pub(crate) fn begin(&mut self, call: Call, host_calls: u32) {
        self.call = call;
        self.host_calls = host_calls;
        self.host_calls_left = host_calls;
        self.crossings_left = crossings(host_calls);
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
                self.call.demotion.set();
                Err(TooManyHostCalls(self.host_calls))
            }
        }
    }

    /// Account for a call into the host of any kind, WASI's among them.
    ///
    /// # Errors
    /// When the request has no such calls left.
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

    /// The right to one more call out, until it is dropped; `None` when as
    /// many are open as may be.
    pub(crate) fn open_call(&self) -> Option<OwnedSemaphorePermit> {
        self.open_calls.clone().try_acquire_owned().ok()
    }

    /// Begin an operation that `system` answers, such as `mysql`.
    #[must_use]
    pub fn begin_operation(&self, operation: Operation, system: &'static str) -> HostCall {
        HostCall::begin(&self.stats, &self.call, operation, system)
    }

    pub(crate) fn stats(&self) -> &Stats {
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

fn crossings(host_calls: u32) -> u64 {
    u64::from(host_calls).saturating_mul(CROSSINGS)
}
