//! How long a guest has been on a processor, as opposed to waiting.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// How often the epoch moves on: the grain of processor-time limits, and the
/// longest that a busy instance keeps a thread from others.
pub(crate) const EPOCH_TICK: Duration = Duration::from_millis(2);

/// Time spent inside the polls of one request's future. Waiting for a
/// database or for a thread happens between polls and does not count.
///
/// Short polls are measured by the wall's clock, which costs little. One that
/// seems long may be so because the thread waited for a processor: it counts as
/// one tick, and those after it are measured by the thread's own clock.
#[derive(Debug)]
pub struct CpuTimer {
    base: Instant,
    /// Nanoseconds of finished polls.
    spent: AtomicU64,
    /// When the current poll began, in nanoseconds of its clock, plus one; 0
    /// between polls.
    polled_at: AtomicU64,
    /// Whether that is the thread's clock.
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

    /// Begin to count for another request.
    pub(crate) fn reset(&self) {
        self.spent.store(0, Relaxed);
        self.polled_at.store(0, Relaxed);
        self.is_exact.store(false, Relaxed);
    }

    /// Count `time` that no poll was measured for.
    pub(crate) fn add(&self, time: Duration) {
        self.spent.fetch_add(nanos(time), Relaxed);
    }

    /// Processor time so far, the current poll's share included.
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

    /// What counts of a poll that seems to have taken so many nanoseconds.
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
            // It began anew meanwhile, for another request.
            return;
        }
        let took = self.now().saturating_sub(began);
        self.spent.fetch_add(self.counted(took), Relaxed);
        if took > TICK {
            self.is_exact.store(true, Relaxed);
        }
    }
}

/// The least that a guest is interrupted for, in nanoseconds.
const TICK: u64 = EPOCH_TICK.as_nanos() as u64;

/// 584 years fit; a node is restarted before.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// How long the calling thread has been on a processor.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Runs `future` on the meter.
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

    /// Keeps the processor for so long, or a little longer.
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
    async fn a_thread_that_waits_for_a_processor_does_not_count() {
        let meter = Arc::new(CpuTimer::new());
        let work = async {
            for _ in 0..2 {
                // What the system does with a thread that others go before.
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
