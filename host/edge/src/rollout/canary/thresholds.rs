//! From which difference on a canary does worse.

use crate::config::Settings;

/// How much worse is too much, and what has to be compared to tell.
#[derive(Debug, Clone, Copy)]
pub struct Thresholds {
    /// Requests of the canary that must have been compared before any verdict.
    pub requests: u64,
    /// How much larger its part of failed requests may be, from 0 to 1.
    pub errors: f64,
    /// How many times slower than the active release's median, and than its
    /// 95th percentile, a request may be without being counted as slow.
    pub latency: f64,
    /// The canary's first requests on each node, which are not compared, nor
    /// those that the active release answers meanwhile.
    pub warm_up: u64,
}

impl From<&Settings> for Thresholds {
    fn from(settings: &Settings) -> Self {
        Self {
            requests: settings.canary.requests,
            errors: f64::from(settings.canary.error_percent) / 100.0,
            latency: settings.canary.latency_ratio,
            warm_up: settings.canary.warm_up,
        }
    }
}
