//! How much threads give way to others.

use std::thread::available_parallelism;

/// Let the calling thread give way to the process's others by `niceness`, of
/// 19: how it is counted by `nice(2)`.
///
/// On Linux, a thread has a niceness of its own. Where it is not allowed, what
/// the thread does is as important as anything else.
pub(crate) fn set_nice(niceness: i32) {
    if let Err(error) = rustix::process::setpriority_process(None, niceness) {
        tracing::debug!(%error, "a thread keeps its priority");
    }
}

/// How many threads of low priority there are of a kind: half as many as there
/// are processors, so that somebody who is done soon finds one that is free. A
/// thread of low priority that is at work makes way only at the next tick of
/// the system's clock, which is late for those who need half a millisecond in
/// all.
pub(crate) fn threads() -> usize {
    available_parallelism().map_or(1, |all| all.get().div_ceil(2))
}
