//! How long a guest has been on a processor, as opposed to waiting.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::turns::Turn;

/// Time spent inside the polls of one request's future. Waiting for a
/// database or for a turn happens between polls and does not count.
#[derive(Debug)]
pub struct Meter {
    base: Instant,
    /// Nanoseconds of finished polls.
    spent: AtomicU64,
    /// When the current poll began, in nanoseconds since `base`, plus one;
    /// 0 between polls.
    polled_at: AtomicU64,
    /// What the poll holds, for one that computes for long.
    turn: Mutex<Option<Turn>>,
    /// Whether it does: nearly always not, and then there is no lock to take.
    has_turn: AtomicBool,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self {
            base: Instant::now(),
            spent: AtomicU64::new(0),
            polled_at: AtomicU64::new(0),
            turn: Mutex::new(None),
            has_turn: AtomicBool::new(false),
        }
    }

    /// Begin to count for another request.
    pub(super) fn reset(&self) {
        self.spent.store(0, Relaxed);
        self.polled_at.store(0, Relaxed);
    }

    /// Count `time` that no poll was measured for.
    pub(super) fn add(&self, time: Duration) {
        self.spent
            .fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Processor time so far, the current poll's share included.
    pub(super) fn total(&self) -> Duration {
        let running = match self.polled_at.load(Relaxed) {
            0 => 0,
            began => self.now().saturating_sub(began),
        };
        Duration::from_nanos(self.spent.load(Relaxed) + running)
    }

    /// Hold `turn` until the end of the poll.
    pub(super) fn hold(&self, turn: Turn) {
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner) = Some(turn);
        self.has_turn.store(true, Relaxed);
    }

    fn now(&self) -> u64 {
        // 584 years fit; a node is restarted before.
        u64::try_from(self.base.elapsed().as_nanos()).unwrap_or(u64::MAX - 1) + 1
    }

    fn enter(&self) {
        self.polled_at.store(self.now(), Relaxed);
    }

    fn leave(&self) {
        let began = self.polled_at.swap(0, Relaxed);
        self.spent
            .fetch_add(self.now().saturating_sub(began), Relaxed);
        if self.has_turn.swap(false, Relaxed) {
            self.turn
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
        }
    }
}

/// Runs `future` on the meter.
pub(super) async fn metered<F: Future>(meter: Arc<Meter>, future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(move |context| poll_metered(&meter, future.as_mut(), context)).await
}

fn poll_metered<F: Future>(
    meter: &Meter,
    future: Pin<&mut F>,
    context: &mut Context<'_>,
) -> Poll<F::Output> {
    meter.enter();
    let poll = future.poll(context);
    meter.leave();
    poll
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiting_does_not_count() {
        let meter = Arc::new(Meter::new());
        metered(meter.clone(), tokio::time::sleep(Duration::from_millis(50))).await;
        assert!(
            meter.total() < Duration::from_millis(40),
            "{:?}",
            meter.total()
        );
    }

    #[tokio::test]
    async fn work_counts_until_the_reset() {
        let meter = Arc::new(Meter::new());
        metered(meter.clone(), async {
            std::thread::sleep(Duration::from_millis(20))
        })
        .await;
        assert!(meter.total() >= Duration::from_millis(20));
        meter.reset();
        assert_eq!(meter.total(), Duration::ZERO);
    }
}
