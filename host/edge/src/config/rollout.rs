//! Settings of rollouts: canary analysis, and the removal of nodes and regions.

use std::time::Duration;

use super::layers::Layers;
use super::values::allowed_urls::AllowedUrls;
use super::values::{at_least_a_second, at_least_one, at_most_10_000, delay, percent, ratio};

/// Limits of how much worse a canary may be than the active release.
#[derive(Debug, Clone)]
pub struct CanaryLimits {
    /// Requests that the canary must have answered before it is judged.
    pub requests: u64,
    /// Percentage points by which the canary's share of failed requests may
    /// exceed that of the active release.
    pub error_percent: u8,
    /// Factor of the active release's median, and of its 95th percentile, above
    /// which a request of the canary counts as slow.
    pub latency_ratio: f64,
    /// First requests of the canary on each node, which are not compared.
    pub warm_up: u64,
    /// URLs that may be called to check a canary.
    pub check_urls: AllowedUrls,
    /// Interval between two calls of a check.
    pub check_interval: Duration,
}

impl CanaryLimits {
    /// Takes these settings out of `layers`.
    pub(super) fn take(layers: &mut Layers) -> Self {
        Self {
            requests: layers.take("canary_requests", 50, at_least_one),
            error_percent: layers.take("canary_error_percent", 5, percent),
            latency_ratio: layers.take("canary_latency_ratio", 2.0, ratio),
            warm_up: layers.take("canary_warm_up", 10, at_most_10_000).into(),
            check_urls: layers.take("canary_check_urls", AllowedUrls::default(), str::parse),
            check_interval: layers.take(
                "canary_check_interval",
                Duration::from_secs(10),
                at_least_a_second,
            ),
        }
    }
}

/// Time after which nodes and regions that are gone are forgotten.
#[derive(Debug, Clone, Copy)]
pub struct ForgetAfter {
    /// Time for which a node is listed that no longer reports.
    pub node: Duration,
    /// Time for which a region without nodes keeps its release log; forever
    /// when absent.
    pub region: Option<Duration>,
}

impl ForgetAfter {
    /// Takes these settings out of `layers`.
    pub(super) fn take(layers: &mut Layers) -> Self {
        Self {
            node: layers.take("node_forget_after", NODE_FORGET_AFTER, at_least_a_minute),
            region: layers.take("region_forget_after", None, |text| match text {
                "off" => Ok(None),
                text => at_least_an_hour(text).map(Some),
            }),
        }
    }
}

/// Default time for which a node is listed that no longer reports.
const NODE_FORGET_AFTER: Duration = Duration::from_hours(1);

/// Parses a duration of at least a minute, as rollouts have to see how long a
/// node has been silent.
fn at_least_a_minute(text: &str) -> Result<Duration, String> {
    match delay(text)? {
        duration if duration >= Duration::from_mins(1) => Ok(duration),
        _ => Err("is less than a minute".into()),
    }
}

/// Parses a duration of at least an hour, as a region may be without nodes for
/// a while, such as during a restart.
fn at_least_an_hour(text: &str) -> Result<Duration, String> {
    match delay(text)? {
        duration if duration >= Duration::from_hours(1) => Ok(duration),
        _ => Err("is less than an hour".into()),
    }
}
