//! Priority and number of background threads, and pools of them for work that blocks.

use std::thread::available_parallelism;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// Lowers the priority of the calling thread by `niceness`, of 19 at most, as `nice(2)` counts it.
///
/// On Linux, each thread has its own niceness. If the system does not allow the change, the thread
/// keeps its priority.
pub(crate) fn set_nice(niceness: i32) {
    if let Err(error) = rustix::process::setpriority_process(None, niceness) {
        tracing::debug!(%error, "a thread keeps its priority");
    }
}

/// Returns the number of threads in a pool of low priority: half as many as processors, so that a
/// short job of normal priority soon finds a free processor. A running thread of low priority gives
/// up its processor only at the next tick of the scheduler, which is late for a job of half a
/// millisecond.
pub(crate) fn threads() -> usize {
    available_parallelism().map_or(1, |all| all.get().div_ceil(2))
}

/// Starts a pool of threads with this niceness. A panic costs only the task that panicked.
///
/// # Errors
/// Returns an error if the operating system cannot start the threads.
pub(crate) fn pool(
    name: &'static str,
    threads: usize,
    niceness: i32,
) -> Result<ThreadPool, ThreadPoolBuildError> {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(move |index| format!("{name}-{index}"))
        // The default handler aborts the process.
        .panic_handler(move |_| tracing::error!(pool = name, "a task of a thread pool panicked"))
        .start_handler(move |_| set_nice(niceness))
        .build()
}
