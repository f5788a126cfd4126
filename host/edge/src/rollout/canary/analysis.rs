//! Whether a new release does worse than the old one.

use std::time::Duration;

/// Of two releases both fast enough, neither is worse: below this, a ratio of
/// latencies says more of the machine than of them.
const NOTICEABLE: Duration = Duration::from_millis(5);

/// How much worse is too much.
#[derive(Debug, Clone, Copy)]
pub struct Margins {
    /// Requests that a release must have answered to be judged.
    pub requests: u64,
    /// How much larger its part of errors may be, from 0 to 1.
    pub errors: f64,
    /// How many times slower its 99th percentile may be.
    pub latency: f64,
}

/// What is judged.
#[derive(Debug, Clone, Copy, Default)]
pub struct Record {
    /// Requests.
    pub requests: u64,
    /// Those of them that failed.
    pub errors: u64,
    /// All but a hundredth were faster.
    pub p99: Duration,
}

impl Record {
    /// Together with another node's. The slower 99th percentile counts.
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

impl Margins {
    /// In what way `new` is worse than `old`, if it is. An old release that
    /// has answered nothing made no errors and has no latency to compare.
    #[must_use]
    pub fn judge(&self, new: Record, old: Record) -> Option<String> {
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

    const MARGINS: Margins = Margins {
        requests: 50,
        errors: 0.05,
        latency: 2.0,
    };

    fn record(requests: u64, errors: u64, p99: u64) -> Record {
        Record {
            requests,
            errors,
            p99: Duration::from_millis(p99),
        }
    }

    #[test]
    fn a_release_is_judged_once_it_has_answered_enough() {
        let old = record(1000, 0, 10);
        assert_eq!(MARGINS.judge(record(49, 49, 10), old), None);
        let reason = MARGINS.judge(record(50, 10, 10), old).expect("worse");
        assert!(reason.contains("20.0 % of its 50 requests"), "{reason}");
    }

    #[test]
    fn the_old_releases_errors_are_not_held_against_the_new_one() {
        let old = record(1000, 200, 10);
        assert_eq!(MARGINS.judge(record(100, 22, 10), old), None);
        assert!(MARGINS.judge(record(100, 26, 10), old).is_some());
    }

    #[test]
    fn a_slower_release_is_worse_if_anybody_notices() {
        assert!(
            MARGINS
                .judge(record(100, 0, 21), record(100, 0, 10))
                .is_some()
        );
        assert_eq!(MARGINS.judge(record(100, 0, 19), record(100, 0, 10)), None);
        assert_eq!(MARGINS.judge(record(100, 0, 4), record(100, 0, 1)), None);
        assert_eq!(MARGINS.judge(record(100, 0, 90), record(10, 0, 10)), None);
    }
}
