//! How many requests a plugin answers at once, and how long others wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::call::CallError;
use super::stats::Stats;

/// Requests that may wait for each instance there is. More would wait longer
/// than the queue's time-out anyway, and only cost memory.
const WAITING_PER_INSTANCE: usize = 16;

/// How long a request waits at most where the queue stands: others have been
/// waiting without a break for as long as any may. A queue that comes and goes
/// takes up a burst; one that stands only makes everybody late, and who is told
/// so early can ask another node. (The controlled delay of Maurer, "Fail at
/// Scale", ACM Queue 13/8, 2015.)
const STANDING: Duration = Duration::from_millis(40);

/// The plugin's door-keeper: a wait that is bounded in number and time comes
/// before every instance, since an exhausted pool is an error, not a queue.
pub(super) struct Admission {
    instances: Arc<Semaphore>,
    all: usize,
    waiting: AtomicUsize,
    most_waiting: usize,
    patience: Duration,
    made: Instant,
    /// When the queue was empty last, in milliseconds since it was made.
    standing_since: AtomicU64,
}

/// How busy a plugin is.
#[derive(Debug, Clone, Copy)]
pub struct Occupancy {
    /// Instances that it may have at once.
    pub instances: usize,
    /// Those that work.
    pub busy: usize,
    /// Requests that wait for one.
    pub waiting: usize,
}

/// The right to use one instance; dropping it gives it back.
pub(super) type Permit = OwnedSemaphorePermit;

impl Admission {
    pub(super) fn new(instances: u32, patience: Duration) -> Self {
        let instances = instances as usize;
        Self {
            instances: Arc::new(Semaphore::new(instances)),
            all: instances,
            waiting: AtomicUsize::new(0),
            most_waiting: instances * WAITING_PER_INSTANCE,
            patience,
            made: Instant::now(),
            standing_since: AtomicU64::new(0),
        }
    }

    pub(super) fn occupancy(&self) -> Occupancy {
        Occupancy {
            instances: self.all,
            busy: self.all.saturating_sub(self.instances.available_permits()),
            waiting: self.waiting.load(Relaxed),
        }
    }

    /// Whether nobody has an instance or waits for one.
    pub(super) fn is_idle(&self) -> bool {
        let now = self.occupancy();
        now.busy == 0 && now.waiting == 0
    }

    /// Wait for a free instance, for as long as the queue's time-out and the
    /// request's own time allow.
    pub(super) async fn admit(&self, left: Duration, stats: &Stats) -> Result<Permit, CallError> {
        if let Ok(permit) = self.instances.clone().try_acquire_owned() {
            return Ok(permit);
        }
        let began = Instant::now();
        let admitted = Box::pin(self.wait(left)).await;
        stats.count_wait(began.elapsed());
        admitted
    }

    async fn wait(&self, left: Duration) -> Result<Permit, CallError> {
        let (_place, patience) = self.queue()?;
        let acquired = self.instances.clone().acquire_owned();
        match tokio::time::timeout(patience.min(left), acquired).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(CallError::Busy),
        }
    }

    /// A place in the queue, and how long to wait in it.
    fn queue(&self) -> Result<(Place<'_>, Duration), CallError> {
        let ahead = self.waiting.fetch_add(1, Relaxed);
        let place = Place(&self.waiting);
        if ahead < self.most_waiting {
            Ok((place, self.patience_behind(ahead)))
        } else {
            Err(CallError::Busy)
        }
    }

    fn patience_behind(&self, ahead: usize) -> Duration {
        let now = self.made.elapsed();
        if ahead == 0 {
            let millis = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
            self.standing_since.store(millis, Relaxed);
            return self.patience;
        }
        let since = Duration::from_millis(self.standing_since.load(Relaxed));
        if now.saturating_sub(since) > self.patience {
            self.patience.min(STANDING)
        } else {
            self.patience
        }
    }
}

/// A place in the queue, given up when the wait ends, however it ends.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wait_is_bounded_in_time_and_number() {
        let admission = Admission::new(1, Duration::from_millis(20));
        let stats = Stats::new().expect("a configuration");
        let admit = || admission.admit(Duration::from_secs(1), &stats);
        let held = admit().await.expect("free");
        assert_eq!(stats.waits().count(), 0, "nobody waited");
        let refused = admit().await;
        assert!(matches!(refused, Err(CallError::Busy)));
        assert_eq!(stats.waits().count(), 1);
        assert_eq!(admission.waiting.load(Relaxed), 0, "the place was given up");

        admission.waiting.store(admission.most_waiting, Relaxed);
        assert!(admit().await.is_err(), "no place left");
        admission.waiting.store(0, Relaxed);

        drop(held);
        assert!(admit().await.is_ok());
    }

    #[tokio::test]
    async fn who_comes_to_a_queue_that_stands_is_sent_away_early() {
        let patience = Duration::from_millis(300);
        let admission = Admission::new(1, patience);
        let (first, wait) = admission.queue().expect("room");
        assert_eq!(wait, patience, "nobody is ahead");
        assert_eq!(admission.queue().expect("room").1, patience, "not for long");
        tokio::time::sleep(patience + Duration::from_millis(50)).await;
        assert_eq!(admission.queue().expect("room").1, STANDING);
        drop(first);
        assert_eq!(admission.queue().expect("room").1, patience, "it was empty");

        let hasty = Admission::new(1, Duration::from_millis(1));
        let _first = hasty.queue().expect("room");
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(hasty.queue().expect("room").1, Duration::from_millis(1));
    }
}
