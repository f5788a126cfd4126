//! Rate limits of routes, from a plugin's manifest.

use http::Method;

use bundle::manifest::{Manifest, Subject};
use stores::limiter::{Policy, PolicyError};

/// Rate limit that the host enforces before the plugin is called.
#[derive(Debug, Clone)]
pub struct RouteLimit {
    /// Name in the manifest.
    pub name: String,
    /// Methods that are counted; all if empty.
    pub methods: Vec<Method>,
    /// Path prefix of the counted requests, by whole segments.
    pub path: String,
    /// Key by which requests are counted together, such as the client's
    /// address.
    pub by: Subject,
    /// Number of requests that pass, and in which time.
    pub policy: Policy,
}

/// Returns the rate limits of `manifest` that have a path.
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
