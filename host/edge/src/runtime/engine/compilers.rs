//! The threads that compile components: of low priority, so that requests are
//! served as before meanwhile.
//!
//! A compilation that was begun cannot be ended, and a large component keeps
//! its threads for as long as it takes. What a shop goes back to is compiled by
//! threads of its own, which take turns with the others on the processors.

use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

use crate::thread_priority;

/// How much the threads give way to all others, of 19.
const NICENESS: i32 = 15;

/// How urgently a component is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// It is new: nobody misses it yet.
    New,
    /// It has served before, and the shop goes back to it.
    Back,
}

/// The threads, by what they compile.
pub(in crate::runtime) struct Compilers {
    new: Arc<ThreadPool>,
    back: Arc<ThreadPool>,
}

impl Compilers {
    /// Makes the threads. They end when this is dropped.
    ///
    /// # Errors
    /// When the system cannot start them.
    pub(in crate::runtime) fn new() -> Result<Self, ThreadPoolBuildError> {
        Ok(Self {
            new: Arc::new(compilers()?),
            back: Arc::new(compilers()?),
        })
    }

    /// Returns the threads for what is wanted so urgently.
    pub(in crate::runtime) fn of(&self, urgency: Urgency) -> &Arc<ThreadPool> {
        match urgency {
            Urgency::New => &self.new,
            Urgency::Back => &self.back,
        }
    }
}

fn compilers() -> Result<ThreadPool, ThreadPoolBuildError> {
    ThreadPoolBuilder::new()
        .num_threads(thread_priority::threads())
        .thread_name(|index| format!("compile-{index}"))
        // The default ends the process. Whoever waits learns of it by the
        // channel that the panic drops.
        .panic_handler(|_| tracing::error!("the compiler panicked"))
        .start_handler(|_| thread_priority::set_nice(NICENESS))
        .build()
}
