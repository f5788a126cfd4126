//! Admission of requests to a plugin's instances, with a queue bounded in length and time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::ewma::MovingAverage;
use crate::guest::call::CallError;
use crate::guest::stats::Stats;

/// Maximum number of waiting requests per instance. A longer queue would only cost memory.
const WAITING_PER_INSTANCE: usize = 16;

/// Semaphore of a plugin's instances with a bounded queue before it, since an exhausted wasmtime
/// pool returns an error instead of waiting. A request whose estimated wait exceeds its timeout is
/// rejected at once, and its client can ask another node.
pub(in crate::runtime) struct Admission {
    instances: Arc<Semaphore>,
    total: usize,
    service_time: Arc<ServiceTime>,
    waiting: AtomicUsize,
    max_waiting: usize,
    queue_timeout: Duration,
}

/// Load of a plugin's instances.
#[derive(Debug, Clone, Copy)]
pub struct Occupancy {
    /// Maximum number of concurrent instances.
    pub instances: usize,
    /// Instances that are answering requests.
    pub busy: usize,
    /// Requests that wait for an instance.
    pub waiting: usize,
}

/// Permit to use one instance, released when it is dropped.
pub(in crate::runtime) struct Permit {
    service_time: Arc<ServiceTime>,
    taken: Instant,
    _instance: OwnedSemaphorePermit,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.service_time.note(self.taken.elapsed());
    }
}

/// Moving average of the time for which a request holds an instance, in nanoseconds.
#[derive(Default)]
struct ServiceTime(MovingAverage);

impl ServiceTime {
    fn note(&self, held: Duration) {
        let held = u64::try_from(held.as_nanos()).unwrap_or(u64::MAX);
        self.0.note(held);
    }

    /// Returns the estimated time until `ahead` requests have each got one of `instances`.
    fn estimated_wait(&self, ahead: usize, instances: usize) -> Duration {
        let ahead = self.0.get().saturating_mul(ahead as u64);
        Duration::from_nanos(ahead / instances.max(1) as u64)
    }
}

impl Admission {
    pub(in crate::runtime) fn new(instances: u32, queue_timeout: Duration) -> Self {
        let instances = instances as usize;
        Self {
            instances: Arc::new(Semaphore::new(instances)),
            total: instances,
            service_time: Arc::default(),
            waiting: AtomicUsize::new(0),
            max_waiting: instances * WAITING_PER_INSTANCE,
            queue_timeout,
        }
    }

    pub(in crate::runtime) fn occupancy(&self) -> Occupancy {
        Occupancy {
            instances: self.total,
            busy: self
                .total
                .saturating_sub(self.instances.available_permits()),
            waiting: self.waiting.load(Relaxed),
        }
    }

    /// Returns whether no instance is busy and no request waits for one.
    pub(in crate::runtime) fn is_idle(&self) -> bool {
        let now = self.occupancy();
        now.busy == 0 && now.waiting == 0
    }

    /// Waits for a free instance, for no longer than the queue timeout and the request's remaining
    /// time.
    pub(in crate::runtime) async fn admit(
        &self,
        left: Duration,
        stats: &Stats,
    ) -> Result<Permit, CallError> {
        if let Ok(instance) = self.instances.clone().try_acquire_owned() {
            return Ok(self.permit(instance));
        }
        let began = Instant::now();
        let admitted = Box::pin(self.wait(left)).await;
        stats.count_wait(began.elapsed());
        admitted
    }

    async fn wait(&self, left: Duration) -> Result<Permit, CallError> {
        let _place = self.queue(left)?;
        let acquired = self.instances.clone().acquire_owned();
        match tokio::time::timeout(self.queue_timeout.min(left), acquired).await {
            Ok(Ok(instance)) => Ok(self.permit(instance)),
            Ok(Err(_)) | Err(_) => Err(CallError::QueueTimeout),
        }
    }

    fn permit(&self, instance: OwnedSemaphorePermit) -> Permit {
        Permit {
            service_time: self.service_time.clone(),
            taken: Instant::now(),
            _instance: instance,
        }
    }

    /// Enters the queue on behalf of a request whose remaining time is `left`, or returns
    /// [`CallError::Busy`] if the queue is full or the estimated wait too long. The first request
    /// in the queue is always accepted, since a busy instance may become free at any time.
    fn queue(&self, left: Duration) -> Result<QueuePlace<'_>, CallError> {
        let ahead = self.waiting.fetch_add(1, Relaxed);
        let place = QueuePlace(&self.waiting);
        let longest = self.queue_timeout.min(left);
        if ahead < self.max_waiting
            && self.service_time.estimated_wait(ahead, self.total) <= longest
        {
            Ok(place)
        } else {
            Err(CallError::Busy)
        }
    }
}

/// Place in the queue, given up when it is dropped.
struct QueuePlace<'a>(&'a AtomicUsize);

impl Drop for QueuePlace<'_> {
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
        assert_eq!(stats.waits().count(), 0, "no request waited");
        let refused = admit().await;
        assert!(matches!(refused, Err(CallError::QueueTimeout)));
        assert_eq!(stats.waits().count(), 1);
        assert_eq!(admission.waiting.load(Relaxed), 0, "the place was given up");

        admission.waiting.store(admission.max_waiting, Relaxed);
        assert!(admit().await.is_err(), "no place left");
        admission.waiting.store(0, Relaxed);

        drop(held);
        assert!(admit().await.is_ok());
    }

    /// Returns the admission of a plugin with two instances whose requests take 20 ms each.
    fn with_service_time(queue_timeout: Duration) -> Admission {
        let admission = Admission::new(2, queue_timeout);
        (0..200).for_each(|_| admission.service_time.note(Duration::from_millis(20)));
        admission
    }

    #[test]
    fn the_service_time_is_an_average_of_recent_requests() {
        let service_time = ServiceTime::default();
        assert_eq!(
            service_time.estimated_wait(100, 1),
            Duration::ZERO,
            "not known yet"
        );
        let is_near = |wanted: f64| {
            (service_time.estimated_wait(6, 3).as_secs_f64() / wanted - 1.0).abs() < 0.2
        };
        (0..32).for_each(|_| service_time.note(Duration::from_secs(5)));
        assert!(is_near(10.0), "{:?}", service_time.estimated_wait(6, 3));
        (0..200).for_each(|_| service_time.note(Duration::from_millis(1)));
        assert!(is_near(0.002), "{:?}", service_time.estimated_wait(6, 3));
        service_time.note(Duration::MAX);
        service_time.note(Duration::MAX);
        assert!(service_time.estimated_wait(usize::MAX, 1) > Duration::from_secs(1));
    }

    #[tokio::test]
    async fn the_time_that_an_instance_is_held_is_the_service_time() {
        let admission = Admission::new(1, Duration::from_secs(1));
        let stats = Stats::new().expect("a configuration");
        for _ in 0..50 {
            let held = admission.admit(Duration::from_secs(1), &stats).await;
            tokio::time::sleep(Duration::from_millis(2)).await;
            drop(held);
        }
        assert!(admission.service_time.estimated_wait(10, 1) >= Duration::from_millis(15));
    }

    #[test]
    fn a_request_that_would_wait_for_too_long_is_rejected_at_once() {
        let admission = with_service_time(Duration::from_millis(245));
        let long = Duration::from_secs(1);
        let places: Vec<_> = std::iter::from_fn(|| admission.queue(long).ok()).collect();
        assert_eq!(
            places.len(),
            25,
            "each waits 10 ms more than the one before"
        );
        drop(places);

        let short = Duration::from_millis(55);
        let places: Vec<_> = std::iter::from_fn(|| admission.queue(short).ok()).collect();
        assert_eq!(places.len(), 6, "they have less time than the queue");
        drop(places);
        let slow = Admission::new(1, Duration::from_millis(10));
        slow.service_time.note(Duration::from_secs(100));
        let first = slow.queue(long);
        assert!(first.is_ok(), "a busy instance may become free at any time");
        assert!(slow.queue(long).is_err());
    }
}
