//! Request rates of releases, for reports.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bundle::Digest;

/// Minimum time over which a rate is measured: half of the interval between two
/// reports.
const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// Request counts at about the last report, by release.
#[derive(Default)]
pub(super) struct RequestRates(Mutex<HashMap<Digest, Rate>>);

struct Rate {
    requests: u64,
    at: Instant,
    per_second: f64,
}

impl RequestRates {
    /// Returns the requests per second of a release that has answered
    /// `requests` until now, measured since about the last report.
    pub(super) fn measure(&self, release: Digest, requests: u64) -> f64 {
        let mut rates = self.rates();
        let rate = rates.entry(release).or_insert_with(|| Rate {
            requests,
            at: Instant::now(),
            per_second: 0.0,
        });
        let passed = rate.at.elapsed();
        if passed >= MIN_INTERVAL {
            #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
            let more = requests.saturating_sub(rate.requests) as f64;
            *rate = Rate {
                requests,
                at: Instant::now(),
                per_second: more / passed.as_secs_f64(),
            };
        }
        rate.per_second
    }

    /// Drops the rates of releases for which `serves` is false.
    pub(super) fn retain(&self, serves: impl Fn(&Digest) -> bool) {
        self.rates().retain(|release, _| serves(release));
    }

    fn rates(&self) -> MutexGuard<'_, HashMap<Digest, Rate>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
