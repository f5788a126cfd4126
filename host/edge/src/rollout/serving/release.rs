//! A release: one immutable version of a plugin, ready to serve.

use std::collections::BTreeSet;
use std::sync::Arc;

use bundle::Digest;
use bundle::manifest::Manifest;
use http::HeaderValue;
use stores::sql::DatabaseAccess;

use super::paths::strip_prefix_ignoring_case;
use super::route_limits::RouteLimit;
use crate::guest::Sample;
use crate::rollout::report::ReleaseReport;
use crate::runtime::Plugin;

/// One version of a plugin, ready to serve.
pub struct Release {
    /// Names it.
    pub digest: Digest,
    /// What the plugin said of itself.
    pub manifest: Manifest,
    /// Its version, as text for logs.
    pub version: String,
    /// The `edge-release` header: `name@version`.
    pub header: HeaderValue,
    /// Its database, when it has a grant.
    pub database: Option<Arc<DatabaseAccess>>,
    /// The rate limits of its routes.
    pub route_limits: Vec<RouteLimit>,
    /// Templates of the paths in its OpenAPI document.
    pub templates: Vec<String>,
    /// Parameters of those paths whose values no log shows.
    pub secret_parameters: BTreeSet<String>,
    /// What it lacks for real customers, on a node that seems to have such.
    pub warnings: Vec<String>,
    /// The compiled component.
    pub plugin: Arc<Plugin>,
}

impl Release {
    /// Warns in the log of what it lacks for real customers.
    pub fn log_warnings(&self) {
        let plugin = &self.manifest.name;
        for warning in &self.warnings {
            tracing::warn!(plugin, "this node looks like production, but {warning}");
        }
    }

    /// Whether it claims `path`, which has no mount.
    #[must_use]
    pub fn claims(&self, path: &str) -> bool {
        let mut routes = self.manifest.routes.iter();
        routes.any(|route| strip_prefix_ignoring_case(route, path).is_some())
    }
}

impl Release {
    /// Returns what the release has answered, as `sample` counts it.
    #[must_use]
    pub fn report(&self, sample: &Sample, per_second: f64) -> ReleaseReport {
        let micros = |part| sample.quantile(part).unwrap_or_default().as_micros();
        let micros = |part| u64::try_from(micros(part)).unwrap_or(u64::MAX);
        ReleaseReport {
            digest: self.digest,
            version: self.version.clone(),
            requests: sample.requests,
            errors: sample.errors,
            p50_us: micros(0.5),
            p99_us: micros(0.99),
            per_second,
            warnings: self.warnings.clone(),
        }
    }
}
