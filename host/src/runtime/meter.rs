//! How long a guest has been on a processor, as opposed to waiting.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

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
}

impl Meter {
    pub(super) fn new() -> Self {
        Self {
            base: Instant::now(),
            spent: AtomicU64::new(0),
            polled_at: AtomicU64::new(0),
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
