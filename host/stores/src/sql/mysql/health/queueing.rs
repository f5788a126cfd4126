//! Records if a call waits for the server or for other calls of this node.
//!
//! A call that ends while it waits for a connection that other calls use says
//! nothing about the server's health.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

tokio::task_local! {
    static CALL: Queueing;
}

/// State of one running call: waiting for other calls of this node, or not.
#[derive(Clone, Default)]
pub(super) struct Queueing(Arc<AtomicBool>);

impl Queueing {
    /// Runs the `work` of the call, which may then call [`set_queued`].
    pub(super) async fn observe<T>(&self, work: impl Future<Output = T>) -> T {
        CALL.scope(self.clone(), work).await
    }

    /// Returns whether the call waits for other calls, or did so when it was
    /// dropped.
    pub(super) fn is_queued(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Records if the current call waits for other calls of this node. Has no
/// effect outside of [`Queueing::observe`].
pub(in crate::sql::mysql) fn set_queued(is_queued: bool) {
    // An error means that the call is not observed.
    let _ = CALL.try_with(|call| call.0.store(is_queued, Ordering::Relaxed));
}

/// Returns whether the current call waits for other calls of this node.
pub(in crate::sql::mysql) fn is_queued() -> bool {
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
