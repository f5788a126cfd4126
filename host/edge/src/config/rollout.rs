//! Settings of deployment and rollouts: tokens, keys, canary analysis and the
//! removal of nodes and regions.

use std::time::Duration;

use super::Secret;
use super::check_urls::AllowedUrls;
use super::layers::Layers;
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

/// Maximum time for a release to become ready; rollouts and commands wait for a
/// node a little longer. The largest components, from JavaScript, take some
/// seconds to compile.
pub(super) const MOST_ACTIVATION: Duration = Duration::from_secs(120);

/// Default size of the cache in bytes, enough for hundreds of releases: a
/// compiled component takes some megabytes.
pub(super) const COMPILED_CACHE: u64 = 2 << 30;

pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let size = text.parse::<bytesize::ByteSize>();
    size.map(|size| size.as_u64())
        .map_err(|_| "is not a size such as 2GiB".into())
}

pub(super) fn activation(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if (Duration::from_secs(1)..=MOST_ACTIVATION).contains(&duration) => {
            Ok(duration)
        }
        _ => Err("is not a duration from 1s to 2m".into()),
    }
}

/// Checks the operators' tokens, which are parsed where they are used.
pub(super) fn admin_tokens(text: &str) -> Result<Option<Secret<String>>, String> {
    let is_token = |entry: &str| {
        let pair = entry.trim().split_once(':');
        pair.is_some_and(|(name, token)| !name.is_empty() && token.len() >= 16)
    };
    match text.split(',').all(is_token) {
        true => Ok(Some(Secret(text.into()))),
        false => Err(
            "is not name:token with commas between, with tokens of 16 characters or more".into(),
        ),
    }
}

/// Checks the public keys, which are parsed where they are used.
pub(super) fn trusted_keys(text: &str) -> Result<Vec<String>, String> {
    let keys = text.split(',').map(str::trim);
    let is_key = |key: &str| {
        let (plugin, key) = key.split_once('=').unwrap_or(("any", key));
        let digits = key.trim().strip_prefix("ed25519:").unwrap_or_default();
        is_name(plugin.trim())
            && digits.len() == 64
            && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    };
    match keys.clone().all(is_key) {
        true => Ok(keys.map(str::to_owned).collect()),
        false => Err(
            "is not one or more keys, each ed25519: and 64 hexadecimal digits, perhaps with a \
             plugin's name and = before it"
                .into(),
        ),
    }
}

pub(super) fn registry_login(text: &str) -> Result<Option<Secret<String>>, String> {
    match text.split_once(':') {
        Some((user, _)) if !user.is_empty() => Ok(Some(Secret(text.into()))),
        _ => Err("is not user:password".into()),
    }
}

pub(super) fn region(text: &str) -> Result<String, String> {
    if is_name(text) {
        Ok(text.into())
    } else {
        Err("is not 1 to 40 lower-case letters, digits and hyphens".into())
    }
}

fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.len() <= 40 && text.chars().all(plain)
}
