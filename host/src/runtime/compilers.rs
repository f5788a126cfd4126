//! The threads that compile components: of low priority, so that requests are
//! served as before meanwhile.

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

use crate::priority;

/// How much the threads give way to all others, of 19.
const NICENESS: i32 = 15;

/// Make the threads. They end when the pool is dropped.
///
/// # Errors
/// When the system cannot start them.
pub(super) fn compilers() -> Result<ThreadPool, ThreadPoolBuildError> {
    ThreadPoolBuilder::new()
        .num_threads(priority::threads())
        .thread_name(|index| format!("compile-{index}"))
        // The default ends the process. Whoever waits learns of it by the
        // channel that the panic drops.
        .panic_handler(|_| tracing::error!("the compiler panicked"))
        .start_handler(|_| priority::give_way(NICENESS))
        .build()
}
