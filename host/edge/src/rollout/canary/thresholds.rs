//! Thresholds from which on a canary counts as worse.

use crate::config::Settings;

/// Thresholds of the canary analysis: differences that count as worse, and the
/// number of requests needed.
#[derive(Debug, Clone, Copy)]
pub struct Thresholds {
    /// Requests of the canary that must have been compared before any verdict.
    pub requests: u64,
    /// Maximum difference between the canary's fraction of failed requests and
    /// the active release's, from 0 to 1.
    pub errors: f64,
    /// Ratio to the active release's median, and to its 95th percentile, above
    /// which a request counts as slow.
    pub latency: f64,
    /// Number of the canary's first requests on each node that are not
    /// compared, like the active release's requests of that time.
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
