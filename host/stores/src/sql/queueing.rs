//! Whether a call waits for the server, or for other calls of this node.
//!
//! A call that ends while it waits for a connection that others use tells
//! nothing about the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

tokio::task_local! {
    static CALL: Queueing;
}

/// What one call waits for, as it is known while the call goes on.
#[derive(Clone, Default)]
pub(super) struct Queueing(Arc<AtomicBool>);

impl Queueing {
    /// Runs the `work` of the call that this is about.
    pub(super) async fn observe<T>(&self, work: impl Future<Output = T>) -> T {
        CALL.scope(self.clone(), work).await
    }

    /// Whether the call waits for other calls, or did so when it was dropped.
    pub(super) fn is_queued(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Notes that the call in which this runs waits for others from now on, or
/// that it does no more. Calls that nobody observes note nothing.
pub(super) fn set_queued(is_queued: bool) {
    // An error says that nobody observes it.
    let _ = CALL.try_with(|call| call.0.store(is_queued, Ordering::Relaxed));
}

/// Whether the call in which this runs waits for others.
pub(super) fn is_queued() -> bool {
    CALL.try_with(Queueing::is_queued).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_that_is_dropped_tells_what_it_waited_for() {
        for waits_for_others in [true, false] {
            let call = Queueing::default();
            let work = call.observe(async {
                set_queued(true);
                set_queued(waits_for_others);
                std::future::pending::<()>().await;
            });
            let ended = futures_util::FutureExt::now_or_never(work);
            assert!(ended.is_none());
            assert_eq!(call.is_queued(), waits_for_others);
        }
    }

    #[test]
    fn outside_of_a_call_nothing_is_noted() {
        set_queued(true);
        assert!(!is_queued());
    }
}
