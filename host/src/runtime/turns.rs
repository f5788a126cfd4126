//! Guests that compute for long take turns, so that however many of them
//! there are, a processor is left for requests that do not.
//!
//! Without it, every guest that has not yet used up its processor time stands
//! in line at tokio's threads with its two milliseconds at a time, and a
//! request of another plugin waits for all of them, at each step it takes.

use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::engine::EPOCH_TICK;
use super::meter::Meter;

/// Processor time after which a request takes turns: many times what the shop's
/// requests need, and little to a person.
const UNHURRIED: Duration = Duration::from_millis(4);

/// The right to compute until the end of a poll.
pub(super) type Turn = OwnedSemaphorePermit;

/// A wait for a turn.
pub(super) type Wait = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The turns of one node: one for each processor but one.
pub(super) struct Turns(Arc<Semaphore>);

impl Turns {
    pub(super) fn new() -> Self {
        let processors = available_parallelism().map_or(1, NonZeroUsize::get);
        Self::of(processors.saturating_sub(1).max(1))
    }

    fn of(turns: usize) -> Self {
        Self(Arc::new(Semaphore::new(turns)))
    }

    /// What a guest with this meter has to wait for before it goes on, if it
    /// has computed for long: others, and those who wait for a turn as well, in
    /// their order. Its turn ends with its poll.
    pub(super) fn next(&self, meter: &Arc<Meter>) -> Option<Wait> {
        let held = meter.clone();
        self.wait(meter, move |turn| held.hold(turn))
    }

    /// The same for a guest whose polls the host does not see: its turn ends
    /// when it is to ask for the next, or would have been.
    pub(super) fn next_unseen(&self, meter: &Meter) -> Option<Wait> {
        self.wait(meter, |turn| {
            tokio::spawn(async move {
                tokio::time::sleep(EPOCH_TICK).await;
                drop(turn);
            });
        })
    }

    fn wait(&self, meter: &Meter, hold: impl FnOnce(Turn) + Send + 'static) -> Option<Wait> {
        if meter.total() <= UNHURRIED {
            return None;
        }
        let turns = self.0.clone();
        Some(Box::pin(async move {
            // Ends the poll, and with it the turn that is over.
            tokio::task::yield_now().await;
            if let Ok(turn) = turns.acquire_owned().await {
                hold(turn);
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use super::super::meter::metered;
    use super::*;

    /// Computes in slices, and takes turns between them; notes how many do so
    /// at once.
    async fn compute(turns: Arc<Turns>, meter: Arc<Meter>, at_once: Arc<[AtomicUsize; 2]>) {
        for _ in 0..5 {
            if let Some(turn) = turns.next(&meter) {
                turn.await;
                let [now, most] = &*at_once;
                most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                std::thread::sleep(Duration::from_millis(5));
                now.fetch_sub(1, SeqCst);
            } else {
                std::thread::sleep(2 * UNHURRIED);
            }
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn as_many_compute_at_once_as_there_are_turns() {
        let turns = Arc::new(Turns::of(1));
        let at_once = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let meter = Arc::new(Meter::new());
                let work = compute(turns.clone(), meter.clone(), at_once.clone());
                tokio::spawn(metered(meter, work))
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic");
        }
        assert_eq!(at_once[1].load(SeqCst), 1);
        assert_eq!(turns.0.available_permits(), 1, "every turn was given back");
    }

    #[tokio::test]
    async fn a_turn_that_nobody_sees_the_end_of_ends_by_the_clock() {
        let turns = Turns::of(1);
        let meter = Meter::new();
        assert!(turns.next_unseen(&meter).is_none());
        meter.add(UNHURRIED * 2);
        for _ in 0..3 {
            turns
                .next_unseen(&meter)
                .expect("it has computed for long")
                .await;
            assert_eq!(turns.0.available_permits(), 0);
        }
        while turns.0.available_permits() == 0 {
            tokio::time::sleep(EPOCH_TICK).await;
        }
    }

    #[tokio::test]
    async fn who_has_computed_little_waits_for_nobody() {
        let meter = Arc::new(Meter::new());
        assert!(Turns::of(1).next(&meter).is_none());
        meter.add(UNHURRIED * 2);
        assert!(Turns::of(1).next(&meter).is_some());
    }

    #[tokio::test]
    async fn who_waits_for_something_else_holds_no_turn() {
        let turns = Turns::of(1);
        let meter = Arc::new(Meter::new());
        meter.add(UNHURRIED * 2);
        let turn = turns.next(&meter).expect("it has computed for long");
        let (sender, waiting) = tokio::sync::oneshot::channel::<()>();
        let work = async {
            turn.await;
            let _ = waiting.await;
        };
        let mut running = std::pin::pin!(metered(meter, work));
        for _ in 0..3 {
            let step = tokio::time::timeout(Duration::from_millis(1), running.as_mut()).await;
            assert!(step.is_err(), "it waits");
        }
        assert_eq!(turns.0.available_permits(), 1);
        drop(sender);
        running.await;
    }
}
