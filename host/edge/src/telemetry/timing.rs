//! Histogram of durations, in Prometheus buckets.

use std::time::Duration;

use prometheus::core::Metric as _;
use prometheus::proto::{LabelPair, Metric};
use prometheus::{Histogram, HistogramOpts};

/// Upper bounds of the buckets in seconds: those that OpenTelemetry recommends for
/// `http.server.request.duration`, and finer ones below, in the range of a plugin's own time.
pub const BOUNDS: [f64; 16] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0,
];

/// A histogram of durations. Counting takes no lock.
#[derive(Debug, Clone)]
pub struct Timing(Histogram);

impl Timing {
    /// Returns an empty histogram.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "refused are only bounds out of order and names that are none"
    )]
    pub fn new() -> Self {
        // The real name is set where the histogram is exported.
        let options = HistogramOpts::new("duration", "A duration.").buckets(BOUNDS.to_vec());
        Self(Histogram::with_opts(options).expect("sound options"))
    }

    /// Counts one duration.
    pub fn observe(&self, took: Duration) {
        self.0.observe(took.as_secs_f64());
    }

    /// Returns the number of durations.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.get_sample_count()
    }

    /// Returns the histogram as a metric with `labels`.
    #[must_use]
    pub fn metric(&self, labels: Vec<LabelPair>) -> Metric {
        let mut metric = self.0.metric();
        metric.set_label(labels);
        metric
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_what_is_not_longer_than_their_bounds() {
        let timing = Timing::new();
        for millis in [1, 2, 3, 10_000] {
            timing.observe(Duration::from_millis(millis));
        }
        let metric = timing.metric(Vec::new());
        let buckets = metric.get_histogram().get_bucket();
        let within = |bound: f64| {
            let mut found = buckets
                .iter()
                .filter(|bucket| bucket.upper_bound() == bound);
            found.next().expect("a bound").cumulative_count()
        };
        assert_eq!(
            [within(0.000_5), within(0.001), within(0.002_5), within(5.0)],
            [0, 1, 2, 3]
        );
        assert_eq!(timing.count(), 4);
    }
}
