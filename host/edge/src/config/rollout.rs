//! The settings of who may deploy what, and of how a release on trial is
//! judged.

use std::time::Duration;

use super::Secret;
use super::check_urls::AllowedUrls;
use super::layers::Layers;
use super::values::{at_least_a_second, at_least_one, at_most_10_000, delay, percent, ratio};

/// How much worse than the active release one on trial may be.
#[derive(Debug, Clone)]
pub struct CanaryLimits {
    /// Requests that it must have answered to be judged.
    pub requests: u64,
    /// Percent of its requests that may fail beyond those of the active one.
    pub error_percent: u8,
    /// How many times slower than the active one's median and 95th percentile
    /// its requests may be.
    pub latency_ratio: f64,
    /// Its first requests on each node, which are not compared.
    pub warm_up: u64,
    /// Addresses that may be asked for a verdict.
    pub check_urls: AllowedUrls,
    /// How often each of them is asked.
    pub check_interval: Duration,
}

impl CanaryLimits {
    /// Take them out of `layers`.
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

/// After how long what is gone is forgotten.
#[derive(Debug, Clone, Copy)]
pub struct ForgetAfter {
    /// How long a node is listed that reports no more.
    pub node: Duration,
    /// How long a region without nodes keeps its release log; for good when
    /// absent.
    pub region: Option<Duration>,
}

impl ForgetAfter {
    /// Take them out of `layers`.
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

/// How long a node is listed that reports no more, unless it is set.
const NODE_FORGET_AFTER: Duration = Duration::from_hours(1);

/// Rollouts have to see for how long a node is silent.
fn at_least_a_minute(text: &str) -> Result<Duration, String> {
    match delay(text)? {
        duration if duration >= Duration::from_mins(1) => Ok(duration),
        _ => Err("is less than a minute".into()),
    }
}

/// A region may be without nodes for a while, as in a restart.
fn at_least_an_hour(text: &str) -> Result<Duration, String> {
    match delay(text)? {
        duration if duration >= Duration::from_hours(1) => Ok(duration),
        _ => Err("is less than an hour".into()),
    }
}

/// How long a release may take to become ready: rollouts and commands wait a
/// little longer than that for a node. The largest components, from
/// JavaScript, compile for some seconds.
pub(super) const MOST_ACTIVATION: Duration = Duration::from_secs(120);

/// Room for hundreds of releases: a compiled component has some megabytes.
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

/// They are read where they are used; here it is found out whether they can be.
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

/// They are read where they are used; here it is found out whether they can be.
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
