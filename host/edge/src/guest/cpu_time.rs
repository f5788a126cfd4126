//! Measurement of a guest's processor time, waiting not included.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Interval at which the epoch advances: the precision of processor time limits, and the longest
/// time for which a busy instance keeps a thread from others.
pub(crate) const EPOCH_TICK: Duration = Duration::from_millis(2);

/// Timer of the processor time spent inside the polls of one request's future. Waiting for a
/// database or for a thread happens between polls and does not count.
///
/// Short polls are measured by the monotonic clock, which is cheap. A poll that seems long may be
/// so because its thread waited for a processor: it counts as one tick, and later polls are
/// measured by the thread's own processor clock.
#[derive(Debug)]
pub(crate) struct CpuTimer {
    base: Instant,
    /// Nanoseconds of finished polls.
    spent: AtomicU64,
    /// Start of the current poll, in nanoseconds of the clock in use, plus one; 0 between polls.
    polled_at: AtomicU64,
    /// Set once polls are measured by the thread's processor clock.
    is_exact: AtomicBool,
}

impl CpuTimer {
    pub(crate) fn new() -> Self {
        Self {
            base: Instant::now(),
            spent: AtomicU64::new(0),
            polled_at: AtomicU64::new(0),
            is_exact: AtomicBool::new(false),
        }
    }

    /// Resets the timer for another request.
    pub(crate) fn reset(&self) {
        self.spent.store(0, Relaxed);
        self.polled_at.store(0, Relaxed);
        self.is_exact.store(false, Relaxed);
    }

    /// Adds `time` that was not measured in a poll.
    pub(crate) fn add(&self, time: Duration) {
        self.spent.fetch_add(nanos(time), Relaxed);
    }

    /// Returns the processor time so far, the current poll included.
    pub(crate) fn total(&self) -> Duration {
        let running = match self.polled_at.load(Relaxed) {
            0 => 0,
            began => self.counted(self.now().saturating_sub(began)),
        };
        Duration::from_nanos(self.spent.load(Relaxed) + running)
    }

    fn now(&self) -> u64 {
        let time = match self.is_exact.load(Relaxed) {
            true => thread_time(),
            false => self.base.elapsed(),
        };
        nanos(time).saturating_add(1)
    }

    /// Returns the part that counts of a poll that seems to have taken `nanos` nanoseconds.
    fn counted(&self, nanos: u64) -> u64 {
        match self.is_exact.load(Relaxed) {
            true => nanos,
            false => nanos.min(TICK),
        }
    }

    fn enter(&self) {
        self.polled_at.store(self.now(), Relaxed);
    }

    fn leave(&self) {
        let began = self.polled_at.swap(0, Relaxed);
        if began == 0 {
            // The timer was reset during the poll, for another request.
            return;
        }
        let took = self.now().saturating_sub(began);
        self.spent.fetch_add(self.counted(took), Relaxed);
        if took > TICK {
            self.is_exact.store(true, Relaxed);
        }
    }
}

/// Epoch tick in nanoseconds, the shortest interval at which a guest is interrupted.
const TICK: u64 = EPOCH_TICK.as_nanos() as u64;

/// Returns `time` in nanoseconds. A `u64` holds 584 years of them.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Returns the processor time of the calling thread.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Runs `future` with the time inside its polls counted on `meter`.
pub(crate) async fn metered<F: Future>(meter: Arc<CpuTimer>, future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(move |context| poll_metered(&meter, future.as_mut(), context)).await
}

fn poll_metered<F: Future>(
    meter: &CpuTimer,
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
        let meter = Arc::new(CpuTimer::new());
        metered(meter.clone(), tokio::time::sleep(Duration::from_millis(50))).await;
        assert!(
            meter.total() < Duration::from_millis(40),
            "{:?}",
            meter.total()
        );
    }

    /// Computes until the thread has used `time` of a processor, or slightly more.
    fn compute(time: Duration) {
        let end = thread_time() + time;
        while thread_time() < end {}
    }

    #[tokio::test]
    async fn work_counts_until_the_reset() {
        let meter = Arc::new(CpuTimer::new());
        let counted = meter.clone();
        let work = async move {
            compute(Duration::from_millis(1));
            assert!(counted.total() >= Duration::from_millis(1));
        };
        metered(meter.clone(), work).await;
        assert!(meter.total() >= Duration::from_millis(1));
        meter.reset();
        assert_eq!(meter.total(), Duration::ZERO);
    }

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "the thread has to wait")]
    async fn a_thread_that_waits_for_a_processor_does_not_count() {
        let meter = Arc::new(CpuTimer::new());
        let work = async {
            for _ in 0..2 {
                // Stands for a thread that waits for a processor.
                std::thread::sleep(Duration::from_millis(50));
                tokio::task::yield_now().await;
            }
            compute(Duration::from_millis(30));
        };
        metered(meter.clone(), work).await;
        let total = meter.total();
        assert!(
            total >= Duration::from_millis(30) && total < Duration::from_millis(60),
            "{total:?}"
        );
    }
}
