//! Semaphore that bounds how many guests of `wasi:http` handlers compute for long at once, so that
//! a processor is left for other requests. wasmtime's `ProxyHandler` polls these guests in tasks of
//! its own, so they cannot be moved to threads of low priority.

use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::Semaphore;

use super::cpu_time::EPOCH_TICK;

/// A wait for a permit.
pub(crate) type Wait = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The permits of one node: one for each processor but one.
pub(crate) struct CpuPermits(Arc<Semaphore>);

impl CpuPermits {
    pub(crate) fn new() -> Self {
        let processors = available_parallelism().map_or(1, NonZeroUsize::get);
        Self::with_permits(processors.saturating_sub(1).max(1))
    }

    fn with_permits(permits: usize) -> Self {
        Self(Arc::new(Semaphore::new(permits)))
    }

    /// Yields to other tasks, and then waits for a permit, first come, first served. The permit is
    /// released after one epoch tick, when the guest yields again.
    pub(crate) fn yield_now(&self) -> Wait {
        let permits = self.0.clone();
        Box::pin(async move {
            // Ends the poll, so that the executor runs other tasks.
            tokio::task::yield_now().await;
            let Ok(permit) = permits.acquire_owned().await else {
                return;
            };
            tokio::spawn(async move {
                tokio::time::sleep(EPOCH_TICK).await;
                drop(permit);
            });
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_permit_is_returned_by_the_clock() {
        let cpu_permits = CpuPermits::with_permits(1);
        for _ in 0..3 {
            cpu_permits.yield_now().await;
            assert_eq!(cpu_permits.0.available_permits(), 0);
        }
        while cpu_permits.0.available_permits() == 0 {
            tokio::time::sleep(EPOCH_TICK).await;
        }
    }

    #[tokio::test]
    async fn others_wait_for_it() {
        let cpu_permits = CpuPermits::with_permits(1);
        let held = cpu_permits
            .0
            .clone()
            .acquire_owned()
            .await
            .expect("a permit");
        let mut next = cpu_permits.yield_now();
        let waited = tokio::time::timeout(Duration::from_millis(20), &mut next).await;
        assert!(waited.is_err(), "somebody else's turn");
        drop(held);
        next.await;
    }
}
