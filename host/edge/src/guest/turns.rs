//! Guests behind the standard doors that compute for long take turns, so that
//! however many of them there are, a processor is left for requests that do
//! not. `ProxyHandler` polls them in tasks of its own, so they cannot go on in
//! the background as others do.

use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::Semaphore;

use super::cpu_time::EPOCH_TICK;

/// A wait for a turn.
pub(crate) type Wait = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The turns of one node: one for each processor but one.
pub(crate) struct Turns(Arc<Semaphore>);

impl Turns {
    pub(crate) fn new() -> Self {
        let processors = available_parallelism().map_or(1, NonZeroUsize::get);
        Self::of(processors.saturating_sub(1).max(1))
    }

    fn of(turns: usize) -> Self {
        Self(Arc::new(Semaphore::new(turns)))
    }

    /// A wait for others, and for those who wait for a turn as well, in their
    /// order. The turn ends when the guest is to ask for the next, or would
    /// have been.
    pub(crate) fn next(&self) -> Wait {
        let turns = self.0.clone();
        Box::pin(async move {
            // Ends the poll, and with it the turn that is over.
            tokio::task::yield_now().await;
            let Ok(turn) = turns.acquire_owned().await else {
                return;
            };
            tokio::spawn(async move {
                tokio::time::sleep(EPOCH_TICK).await;
                drop(turn);
            });
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_turn_ends_by_the_clock() {
        let turns = Turns::of(1);
        for _ in 0..3 {
            turns.next().await;
            assert_eq!(turns.0.available_permits(), 0);
        }
        while turns.0.available_permits() == 0 {
            tokio::time::sleep(EPOCH_TICK).await;
        }
    }

    #[tokio::test]
    async fn others_wait_for_it() {
        let turns = Turns::of(1);
        let held = turns.0.clone().acquire_owned().await.expect("a turn");
        let mut next = turns.next();
        let waited = tokio::time::timeout(Duration::from_millis(20), &mut next).await;
        assert!(waited.is_err(), "somebody else's turn");
        drop(held);
        next.await;
    }
}
