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

/// One immutable version of a plugin, ready to serve.
pub struct Release {
    /// SHA-256 digest of the bundle.
    pub digest: Digest,
    /// Manifest of the plugin.
    pub manifest: Manifest,
    /// Version from the manifest, as text for logs.
    pub version: String,
    /// Value of the header field `edge-release`: `name@version`.
    pub header: HeaderValue,
    /// Access to the database; `None` if the manifest grants none.
    pub database: Option<Arc<DatabaseAccess>>,
    /// Rate limits of the manifest that have a path.
    pub route_limits: Vec<RouteLimit>,
    /// Path templates of the OpenAPI document.
    pub templates: Vec<String>,
    /// Names of the path parameters whose values are kept out of logs.
    pub secret_parameters: BTreeSet<String>,
    /// Settings that production needs and that are missing, on a node that
    /// looks like production.
    pub warnings: Vec<String>,
    /// The compiled component.
    pub plugin: Arc<Plugin>,
}

/// Error when the schema of a release's database cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("plugin {plugin}: the schema of its database cannot be read: {source}")]
pub struct SchemaError {
    plugin: String,
    source: stores::sql::Error,
}

impl Release {
    /// Logs a warning for each setting that production needs and that is
    /// missing.
    pub fn log_warnings(&self) {
        let plugin = &self.manifest.name;
        for warning in &self.warnings {
            tracing::warn!(plugin, "this node looks like production, but {warning}");
        }
    }

    /// Reads what the schema of the database says about following changes. The migrations of the
    /// release have run, which may concern what other plugins read.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn read_schema(&self) -> Result<(), SchemaError> {
        let Some(database) = &self.database else {
            return Ok(());
        };
        let read = database.read_schema().await;
        read.map_err(|source| SchemaError {
            plugin: self.manifest.name.clone(),
            source,
        })
    }

    /// Returns whether a route of the manifest is a prefix of `path`, which is
    /// given without the mount prefix.
    #[must_use]
    pub fn claims(&self, path: &str) -> bool {
        let mut routes = self.manifest.routes.iter();
        routes.any(|route| strip_prefix_ignoring_case(route, path).is_some())
    }
}

impl Release {
    /// Returns the report of the release with the counts of `sample` and a rate
    /// in requests per second.
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
