//! Statistics of a release: requests, errors, latency and resources.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use histogram::{AtomicHistogram, Config, Histogram};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use super::call::CallError;
use super::host_call_stats::HostCallStats;
use crate::telemetry::Timing;

/// Histogram grouping power: the width of a bucket is at most 1/32 of its values.
const GROUPING_POWER: u8 = 5;

/// Histogram range: microseconds up to 2^32, more than an hour.
const MAX_VALUE_POWER: u8 = 32;

/// Callback that receives the duration of each call by another plugin, and whether it failed.
type CallObserver = Box<dyn Fn(Duration, bool) + Send + Sync>;

/// Statistics of one release on one node since it was loaded. Counting is lock-free.
pub struct Stats {
    requests: AtomicU64,
    errors: AtomicU64,
    /// Errors by [`CallError::REASONS`]. Errors not counted here are replies with a status of 500
    /// or above.
    reasons: [AtomicU64; CallError::REASONS.len()],
    micros: AtomicU64,
    latency: AtomicHistogram,
    /// Processor time of all instances, in nanoseconds.
    cpu: AtomicU64,
    /// Peak linear memory of a single instance, in bytes.
    memory: AtomicU64,
    instances: AtomicU64,
    background: AtomicU64,
    waits: Timing,
    host_calls: HostCallStats,
    call_observer: ArcSwapOption<CallObserver>,
}

/// Snapshot of the statistics, or the difference of two.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Requests answered, failed ones included.
    pub requests: u64,
    /// Requests that failed by no fault of the client.
    pub errors: u64,
    latency: Histogram,
}

/// Counts of a sample in a form that can be serialized and summed over nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Requests answered, failed ones included.
    pub requests: u64,
    /// Requests that failed by no fault of the client.
    pub errors: u64,
    /// Requests by the index of their latency bucket; empty buckets are left out.
    #[serde(deserialize_with = "by_number")]
    latency: BTreeMap<usize, u64>,
}

/// Deserializes a map with numbers as keys, which are strings in JSON. Below `flatten`, serde does
/// not convert them by itself.
fn by_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<usize, u64>, D::Error> {
    let map = BTreeMap::<String, u64>::deserialize(deserializer)?;
    let number = |key: String| key.parse().map_err(D::Error::custom);
    map.into_iter()
        .map(|(key, count)| Ok((number(key)?, count)))
        .collect()
}

impl Tally {
    /// Adds these counts to `sum`.
    pub fn add_to(&self, sum: &mut Self) {
        sum.requests += self.requests;
        sum.errors += self.errors;
        for (bucket, count) in &self.latency {
            *sum.latency.entry(*bucket).or_default() += count;
        }
    }

    /// Returns the latency quantile `part`, from 0 to 1: the time within which that share of the
    /// requests was answered. `None` without requests.
    #[must_use]
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let mut latency = Histogram::new(GROUPING_POWER, MAX_VALUE_POWER).ok()?;
        for (bucket, count) in &self.latency {
            // A node of another version may count in other buckets.
            *latency.as_mut_slice().get_mut(*bucket)? = *count;
        }
        let bucket = latency.quantile_bucket(part).ok()??;
        Some(Duration::from_micros(bucket.end()))
    }
}

impl Stats {
    pub(crate) fn new() -> wasmtime::Result<Self> {
        let config = Config::new(GROUPING_POWER, MAX_VALUE_POWER)?;
        Ok(Self {
            requests: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            reasons: Default::default(),
            micros: AtomicU64::new(0),
            latency: AtomicHistogram::with_config(&config),
            cpu: AtomicU64::new(0),
            memory: AtomicU64::new(0),
            instances: AtomicU64::new(0),
            background: AtomicU64::new(0),
            waits: Timing::new(),
            host_calls: HostCallStats::default(),
            call_observer: ArcSwapOption::empty(),
        })
    }

    /// Adds processor time of the release's instances.
    pub(super) fn add_cpu(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.cpu.fetch_add(nanos, Relaxed);
    }

    /// Records the linear memory of an instance in bytes, of which the maximum is kept.
    pub(super) fn note_memory(&self, bytes: usize) {
        self.memory.fetch_max(bytes as u64, Relaxed);
    }

    /// Counts an instance that was created.
    pub(crate) fn count_instance(&self) {
        self.instances.fetch_add(1, Relaxed);
    }

    /// Counts a request that ran at low priority.
    pub(crate) fn count_background(&self) {
        self.background.fetch_add(1, Relaxed);
    }

    /// Records the time for which a request waited for an instance.
    pub(crate) fn count_wait(&self, time: Duration) {
        self.waits.observe(time);
    }

    /// Returns the processor time of all instances, waiting not included.
    #[must_use]
    pub fn cpu_time(&self) -> Duration {
        Duration::from_nanos(self.cpu.load(Relaxed))
    }

    /// Returns the peak linear memory of a single instance, in bytes.
    #[must_use]
    pub fn peak_memory(&self) -> u64 {
        self.memory.load(Relaxed)
    }

    /// Returns the number of instances created so far.
    #[must_use]
    pub fn instances(&self) -> u64 {
        self.instances.load(Relaxed)
    }

    /// Returns the number of requests that ran at low priority.
    #[must_use]
    pub fn background(&self) -> u64 {
        self.background.load(Relaxed)
    }

    /// Returns the waits of requests for an instance. Requests that did not wait are not counted.
    #[must_use]
    pub fn waits(&self) -> &Timing {
        &self.waits
    }

    /// Returns the host calls of the release.
    #[must_use]
    pub fn host_calls(&self) -> &HostCallStats {
        &self.host_calls
    }

    pub(crate) fn count(&self, took: Duration, failed: bool) {
        self.requests.fetch_add(1, Relaxed);
        if failed {
            self.errors.fetch_add(1, Relaxed);
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Relaxed);
        // Fails only past the last bucket, more than an hour: such a request is in no bucket.
        let _ = self.latency.increment(micros);
    }

    /// Counts a call by another plugin, and passes it to the observer.
    pub(crate) fn count_call(&self, took: Duration, failed: bool) {
        self.count(took, failed);
        if let Some(observer) = &*self.call_observer.load() {
            observer(took, failed);
        }
    }

    /// Calls `observer` for every call by another plugin from now on, in place of any earlier
    /// observer.
    pub fn observe_calls(&self, observer: impl Fn(Duration, bool) + Send + Sync + 'static) {
        self.call_observer.store(Some(Arc::new(Box::new(observer))));
    }

    /// Counts the reason of an error; the error itself is counted by `count`.
    pub(crate) fn count_reason(&self, reason: &str) {
        let mut known = CallError::REASONS.iter().zip(&self.reasons);
        if let Some((_, count)) = known.find(|(known, _)| **known == reason) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// Returns the number of errors by reason. Replies with a status of 500 or above have none.
    pub fn reasons(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.reasons.iter().map(|count| count.load(Relaxed));
        CallError::REASONS.iter().copied().zip(counts)
    }

    /// Returns the total duration of all requests.
    #[must_use]
    pub fn total_time(&self) -> Duration {
        Duration::from_micros(self.micros.load(Relaxed))
    }

    /// Returns the number of requests and of errors so far.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.requests.load(Relaxed), self.errors.load(Relaxed))
    }

    /// Returns a snapshot of the counts so far.
    #[must_use]
    pub fn sample(&self) -> Sample {
        let (requests, errors) = self.counts();
        Sample {
            requests,
            errors,
            latency: self.latency.load(),
        }
    }
}

impl Sample {
    /// Returns the difference from `earlier`, a sample of the same release.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let latency = self.latency.checked_sub(&earlier.latency);
        Self {
            requests: self.requests.saturating_sub(earlier.requests),
            errors: self.errors.saturating_sub(earlier.errors),
            latency: latency.unwrap_or_else(|_| self.latency.clone()),
        }
    }

    /// Returns the counts in a form that can be serialized.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let buckets = self.latency.as_slice().iter().copied().enumerate();
        Tally {
            requests: self.requests,
            errors: self.errors,
            latency: buckets.filter(|(_, count)| *count > 0).collect(),
        }
    }

    /// Returns the number of requests that took at most `longest`, within the precision of the
    /// buckets.
    #[must_use]
    pub fn within(&self, longest: Duration) -> u64 {
        let longest = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
        let buckets = self.latency.iter();
        let within = buckets.filter(|bucket| bucket.end() <= longest);
        within.map(|bucket| bucket.count()).sum()
    }

    /// Returns the latency quantile `part`, from 0 to 1: the time within which that share of the
    /// requests was answered. `None` without requests.
    #[must_use]
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let bucket = self.latency.quantile_bucket(part).ok()??;
        Some(Duration::from_micros(bucket.end()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_what_came_since_another() {
        let stats = Stats::new().expect("a configuration");
        (0..100).for_each(|_| stats.count(Duration::from_micros(100), false));
        let earlier = stats.sample();
        (0..98).for_each(|_| stats.count(Duration::from_millis(1), false));
        (0..2).for_each(|_| stats.count(Duration::from_secs(1), true));
        let later = stats.sample().since(&earlier);
        assert_eq!((later.requests, later.errors), (100, 2));
        let near = |found: Option<Duration>, wanted: f64| {
            let found = found.expect("requests").as_secs_f64();
            (found / wanted - 1.0).abs() < 1.0 / 16.0
        };
        assert!(near(later.quantile(0.5), 1e-3), "{:?}", later.quantile(0.5));
        assert!(
            near(later.quantile(0.99), 1.0),
            "{:?}",
            later.quantile(0.99)
        );
        assert!(earlier.since(&earlier).quantile(0.5).is_none());
        assert_eq!(later.within(Duration::from_millis(500)), 98);
        assert_eq!(later.within(Duration::from_secs(2)), 100);
        let expected = Duration::from_micros(100 * 100 + 98 * 1000 + 2_000_000);
        assert_eq!(stats.total_time(), expected);
    }

    #[test]
    fn tallies_of_nodes_add_up_to_what_one_node_would_have_counted() {
        let nodes = [0, 1, 2].map(|_| Stats::new().expect("a configuration"));
        let one = Stats::new().expect("a configuration");
        for number in 1..=300 {
            let (took, failed) = (Duration::from_micros(number * 10), number % 10 == 0);
            let node = usize::try_from(number % 3).expect("an index");
            nodes[node].count(took, failed);
            one.count(took, failed);
        }
        let mut sum = Tally::default();
        for node in &nodes {
            let sent = serde_json::to_string(&node.sample().tally()).expect("JSON");
            let received: Tally = serde_json::from_str(&sent).expect("a tally");
            received.add_to(&mut sum);
        }
        assert_eq!(sum, one.sample().tally());
        assert_eq!(sum.quantile(0.99), one.sample().quantile(0.99));
        assert_eq!(Tally::default().quantile(0.99), None);
    }
}
