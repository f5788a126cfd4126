//! How much a thread gives way to others.

/// Let the calling thread give way to the process's others by `niceness`, of
/// 19: how it is counted by `nice(2)`.
///
/// On Linux, a thread has a niceness of its own. Where it is not allowed, what
/// the thread does is as important as anything else.
pub(crate) fn give_way(niceness: i32) {
    if let Err(error) = rustix::process::setpriority_process(None, niceness) {
        tracing::debug!(%error, "a thread keeps its priority");
    }
}
