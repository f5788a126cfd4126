//! Thread pools of low priority that compile components, so that requests are served as before
//! meanwhile.
//!
//! A compilation cannot be cancelled once begun, and a large component occupies its threads until
//! it is compiled. Releases that a rollback returns to are compiled by a pool of their own, which
//! shares the processors with the other pool.

use rayon::{ThreadPool, ThreadPoolBuildError};

use crate::thread_priority;

/// Niceness of the threads, of 19 at most.
const NICENESS: i32 = 15;

/// Urgency with which a component is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// A new release, which does not serve yet.
    New,
    /// A release that has served before, to which a rollback returns.
    Back,
}

/// Thread pools that compile components, one for each urgency.
pub(super) struct Compilers {
    new: ThreadPool,
    back: ThreadPool,
}

impl Compilers {
    /// Starts the threads, which end when the value is dropped.
    ///
    /// # Errors
    /// Returns an error if the operating system cannot start them.
    pub(super) fn new() -> Result<Self, ThreadPoolBuildError> {
        Ok(Self {
            new: compilers()?,
            back: compilers()?,
        })
    }

    /// Returns the thread pool for components of this `urgency`.
    pub(super) fn get(&self, urgency: Urgency) -> &ThreadPool {
        match urgency {
            Urgency::New => &self.new,
            Urgency::Back => &self.back,
        }
    }
}

/// Starts the threads of one urgency. A panic of the compiler drops the sender of the reply, so the
/// requester gets an error.
fn compilers() -> Result<ThreadPool, ThreadPoolBuildError> {
    thread_priority::pool("compile", thread_priority::threads(), NICENESS)
}
