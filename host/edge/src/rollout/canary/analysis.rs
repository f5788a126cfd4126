//! Comparison of a new release with the one that it replaced, by error rate and
//! 99th percentile.

use std::time::Duration;

/// Latency up to which a release counts as fast and is not found slower: below
/// it, a ratio of latencies depends more on the machine than on the release.
const NOTICEABLE: Duration = Duration::from_millis(5);

/// Limits on how much worse than the previous release a new one may be.
#[derive(Debug, Clone, Copy)]
pub struct ReleaseThresholds {
    /// Requests that a release must have answered before it is judged.
    pub requests: u64,
    /// Maximum increase of the error rate, from 0 to 1.
    pub errors: f64,
    /// Maximum ratio of the new 99th percentile to the old one.
    pub latency: f64,
}

/// Counts and latency of a release that are compared.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReleaseMetrics {
    /// Requests answered.
    pub requests: u64,
    /// Requests that failed.
    pub errors: u64,
    /// 99th percentile of latency.
    pub p99: Duration,
}

impl ReleaseMetrics {
    /// Returns the sum with the counts of another node. The slower 99th
    /// percentile is kept.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            errors: self.errors + other.errors,
            p99: self.p99.max(other.p99),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a part of a whole")]
    fn error_rate(self) -> f64 {
        self.errors as f64 / self.requests.max(1) as f64
    }
}

impl ReleaseThresholds {
    /// Returns the reason why `new` is worse than `old`, if it is. An old
    /// release that has answered nothing counts as one without errors, and its
    /// latency is not compared.
    #[must_use]
    pub fn compare(&self, new: ReleaseMetrics, old: ReleaseMetrics) -> Option<String> {
        if new.requests < self.requests {
            return None;
        }
        let (errors, before) = (new.error_rate(), old.error_rate());
        if errors > before + self.errors {
            return Some(format!(
                "{:.1} % of its {} requests failed, against {:.1} % before",
                errors * 100.0,
                new.requests,
                before * 100.0
            ));
        }
        let comparable = old.requests >= self.requests && new.p99 > NOTICEABLE;
        if comparable && new.p99 > old.p99.mul_f64(self.latency) {
            return Some(format!(
                "its 99th percentile is {:.1?}, against {:.1?} before",
                new.p99, old.p99
            ));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THRESHOLDS: ReleaseThresholds = ReleaseThresholds {
        requests: 50,
        errors: 0.05,
        latency: 2.0,
    };

    fn metrics(requests: u64, errors: u64, p99: u64) -> ReleaseMetrics {
        ReleaseMetrics {
            requests,
            errors,
            p99: Duration::from_millis(p99),
        }
    }

    #[test]
    fn a_release_is_judged_once_it_has_answered_enough() {
        let old = metrics(1000, 0, 10);
        assert_eq!(THRESHOLDS.compare(metrics(49, 49, 10), old), None);
        let reason = THRESHOLDS.compare(metrics(50, 10, 10), old).expect("worse");
        assert!(reason.contains("20.0 % of its 50 requests"), "{reason}");
    }

    #[test]
    fn the_old_releases_errors_are_not_held_against_the_new_one() {
        let old = metrics(1000, 200, 10);
        assert_eq!(THRESHOLDS.compare(metrics(100, 22, 10), old), None);
        assert!(THRESHOLDS.compare(metrics(100, 26, 10), old).is_some());
    }

    #[test]
    fn a_slower_release_is_worse_if_anybody_notices() {
        assert!(
            THRESHOLDS
                .compare(metrics(100, 0, 21), metrics(100, 0, 10))
                .is_some()
        );
        assert_eq!(
            THRESHOLDS.compare(metrics(100, 0, 19), metrics(100, 0, 10)),
            None
        );
        assert_eq!(
            THRESHOLDS.compare(metrics(100, 0, 4), metrics(100, 0, 1)),
            None
        );
        assert_eq!(
            THRESHOLDS.compare(metrics(100, 0, 90), metrics(10, 0, 10)),
            None
        );
    }
}
