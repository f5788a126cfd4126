//! The rate limits of a plugin's routes, ready to be counted.

use http::Method;

use bundle::manifest::{Manifest, Subject};
use stores::limiter::{Policy, PolicyError};

/// A rate limit that the host enforces before the plugin is asked.
#[derive(Debug, Clone)]
pub struct RouteLimit {
    /// The manifest's name for it.
    pub name: String,
    /// Methods that count; all when empty.
    pub methods: Vec<Method>,
    /// Path prefix that counts, by whole segments.
    pub path: String,
    /// Whose requests are counted together.
    pub by: Subject,
    /// How many pass.
    pub policy: Policy,
}

/// Those limits of `manifest` that have a path.
pub(in crate::rollout) fn of(manifest: &Manifest) -> Result<Vec<RouteLimit>, PolicyError> {
    let limits = manifest.rate_limits.iter();
    let with_path = limits.filter_map(|limit| Some((limit, limit.path.clone()?)));
    with_path
        .map(|(limit, path)| {
            Ok(RouteLimit {
                name: limit.name.clone(),
                methods: limit
                    .methods
                    .iter()
                    .filter_map(|m| m.parse().ok())
                    .collect(),
                path,
                by: limit.by.clone(),
                policy: limit.policy(&manifest.name)?,
            })
        })
        .collect()
}
