//! Settings of the releases that a node prepares: where they come from, who must
//! have signed them, and what they may take.

use std::time::Duration;

use super::Secret;
use super::layers::Layers;
use super::values::{at_most_10_000, bytes, is_name};

/// Maximum time for a release to become ready; rollouts and commands wait for a
/// node a little longer. The largest components, from JavaScript, take some
/// seconds to compile.
const MAX_ACTIVATION: Duration = Duration::from_secs(120);

/// Default size of the cache in bytes, enough for hundreds of releases: a
/// compiled component takes some megabytes.
const DEFAULT_CACHE: u64 = 2 << 30;

/// Settings of the releases that a node prepares.
#[derive(Debug, Clone)]
pub struct ReleaseSettings {
    /// Time limit for a release to become ready on this node.
    pub activation_timeout: Duration,
    /// Size limit, in bytes, of the data folder's cache of compiled components.
    pub compiled_cache: u64,
    /// Instances that are reserved for plugins that are deployed later.
    pub spare_instances: u32,
    /// Public keys of which one must have signed a release; no signature is
    /// required when empty.
    pub trusted_keys: Vec<String>,
    /// Login for registries, as `user:password`, for `edge push` and
    /// `edge deploy`; docker's own when absent.
    pub registry_login: Option<Secret<String>>,
}

impl ReleaseSettings {
    /// Takes these settings out of `layers`.
    pub(super) fn take(layers: &mut Layers) -> Self {
        Self {
            activation_timeout: layers.take("activation_timeout", MAX_ACTIVATION, activation),
            compiled_cache: layers.take("compiled_cache", DEFAULT_CACHE, bytes),
            spare_instances: layers.take("spare_instances", 256, at_most_10_000),
            trusted_keys: layers.take("trusted_keys", Vec::new(), trusted_keys),
            registry_login: layers.take("registry_login", None, registry_login),
        }
    }
}

fn activation(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if (Duration::from_secs(1)..=MAX_ACTIVATION).contains(&duration) => {
            Ok(duration)
        }
        _ => Err("is not a duration from 1s to 2m".into()),
    }
}

/// Checks the public keys, which are parsed where they are used.
fn trusted_keys(text: &str) -> Result<Vec<String>, String> {
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

fn registry_login(text: &str) -> Result<Option<Secret<String>>, String> {
    match text.split_once(':') {
        Some((user, _)) if !user.is_empty() => Ok(Some(Secret(text.into()))),
        _ => Err("is not user:password".into()),
    }
}
