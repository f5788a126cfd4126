//! Loads a bundle as a release: checks, database, grants, component and first
//! instance.

use std::collections::BTreeSet;
use std::sync::Arc;

use bundle::manifest::{DatabaseGrant, Isolation, Manifest};
use bundle::{Bundle, openapi};
use http::HeaderValue;
use stores::sql::{CallLimits, DatabaseAccess, TableGrant};

use super::load_error::LoadError;
use super::production;
use super::source::Source;
use crate::capabilities;
use crate::config::Settings;
use crate::guest::Granted;
use crate::rollout::backends::Backends;
use crate::rollout::canary::Thresholds;
use crate::rollout::serving::release::Release;
use crate::rollout::serving::route_limits;
use crate::runtime::engine::artifacts::Artifacts;
use crate::runtime::{CallGrants, Plugin, PluginSpec, Runtime, Urgency};

/// Loader of plugins on one node.
pub struct Loader {
    settings: Arc<Settings>,
    runtime: Arc<Runtime>,
    artifacts: Arc<Artifacts>,
    backends: Arc<Backends>,
}

impl Loader {
    /// Returns a loader into `runtime`.
    #[must_use]
    pub fn new(
        settings: Arc<Settings>,
        runtime: Arc<Runtime>,
        artifacts: Arc<Artifacts>,
        backends: Arc<Backends>,
    ) -> Self {
        Self {
            settings,
            runtime,
            artifacts,
            backends,
        }
    }

    /// Returns the cache of compiled code.
    #[must_use]
    pub fn artifacts(&self) -> &Artifacts {
        &self.artifacts
    }

    /// Returns the runtime into which plugins are loaded.
    #[must_use]
    pub fn runtime(&self) -> &Arc<Runtime> {
        &self.runtime
    }

    /// Returns the thresholds of the canary analysis on this node.
    #[must_use]
    pub fn thresholds(&self) -> Thresholds {
        Thresholds::from(&*self.settings)
    }

    /// Loads `source` as a release that is new. Its migrations are not run
    /// here.
    ///
    /// # Errors
    /// When a file, the database, a grant or the component is at fault; the
    /// error names it.
    pub async fn load(&self, source: &Source) -> Result<Release, LoadError> {
        self.load_as(source, Urgency::New).await
    }

    /// Loads `source` as [`load`](Self::load) does. A release with the urgency
    /// [`Urgency::Back`] waits for no compilation of other releases.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub async fn load_as(&self, source: &Source, urgency: Urgency) -> Result<Release, LoadError> {
        let Source { bundle, exports } = source;
        let manifest = bundle.manifest.clone();
        let plugin = manifest.name.clone();
        let warnings = self.check_production(&manifest)?;
        let database = self.open_database(&manifest).await?;
        let granted = self
            .backends
            .grant(&self.settings, &manifest, database.clone())
            .await
            .map_err(|source| LoadError::Grant {
                plugin: plugin.clone(),
                source,
            })?;
        let spec = self.spec(&manifest, granted, urgency);
        let (wasm, exports) = (bundle.wasm.clone(), exports.clone());
        let loaded = Plugin::load(&self.runtime, &self.artifacts, spec, wasm, exports).await;
        let compiled = loaded.map_err(|source| LoadError::Incompatible {
            plugin: plugin.clone(),
            component: bundle.component.clone(),
            source,
        })?;
        let route_limits = route_limits::of(&manifest).map_err(|source| LoadError::Grant {
            plugin: plugin.clone(),
            source: source.into(),
        })?;
        let version = manifest.version.to_string();
        let header = HeaderValue::from_str(&format!("{plugin}@{version}"))
            .unwrap_or(HeaderValue::from_static("invalid"));
        Ok(Release {
            digest: bundle.digest(),
            manifest,
            version,
            header,
            database,
            route_limits,
            templates: templates_of(bundle),
            secret_parameters: secret_parameters(bundle),
            warnings,
            plugin: Arc::new(compiled),
        })
    }

    /// Returns the missing settings that production needs as warnings, if this
    /// node looks like production.
    ///
    /// # Errors
    /// When settings are missing and the setting `production` is on.
    fn check_production(&self, manifest: &Manifest) -> Result<Vec<String>, LoadError> {
        let gaps = production::gaps(manifest, &self.settings);
        if gaps.is_empty() || !self.settings.looks_like_production() {
            return Ok(Vec::new());
        }
        let plugin = &manifest.name;
        if self.settings.production {
            return Err(LoadError::Production {
                plugin: plugin.clone(),
                gaps: gaps.join("; "),
            });
        }
        Ok(gaps)
    }

    /// Opens the database that the manifest grants, if it grants one.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub(super) async fn open_database(
        &self,
        manifest: &Manifest,
    ) -> Result<Option<Arc<DatabaseAccess>>, LoadError> {
        let Some(grant) = &manifest.grants.database else {
            return Ok(None);
        };
        let url = self.settings.database_url_of(&manifest.name);
        let opened = self
            .backends
            .databases()
            .open(url, tables(grant), grant.connections, limits(grant))
            .await;
        let replica = self.settings.database_replica_url_of(&manifest.name);
        let opened = opened.and_then(|database| match replica {
            Some(url) => {
                let databases = self.backends.databases();
                databases.add_replica(database, url, grant.connections)
            }
            None => Ok(database),
        });
        match opened {
            Ok(database) => {
                let store = format!("the database of plugin {}", manifest.name);
                Ok(Some(Arc::new(database.called(&store))))
            }
            Err(source) => Err(LoadError::Database {
                plugin: manifest.name.clone(),
                source,
            }),
        }
    }

    fn spec(&self, manifest: &Manifest, granted: Granted, urgency: Urgency) -> PluginSpec {
        let limits = &manifest.limits;
        PluginSpec {
            linker: capabilities::linker,
            urgency,
            name: manifest.name.clone(),
            version: manifest.version.to_string(),
            requests_per_instance: match manifest.isolation {
                Isolation::Request => None,
                Isolation::Pooled => Some(limits.requests_per_instance),
            },
            instances: limits.instances,
            memory: limits.memory.as_u64(),
            cpu_time: limits.cpu_time,
            deadline: limits.deadline,
            queue_timeout: self.settings.queue_timeout,
            max_response: limits.response.as_u64(),
            host_calls: limits.host_calls,
            granted,
            calls: call_grants(manifest),
        }
    }
}

fn call_grants(manifest: &Manifest) -> CallGrants {
    let exports = manifest.exports.iter();
    CallGrants {
        calls: manifest.grants.calls.clone(),
        optional_calls: manifest.grants.optional_calls.clone(),
        callers: exports
            .map(|(interface, export)| (interface.clone(), export.callers.clone()))
            .collect(),
    }
}

/// Returns the path templates by which requests of the release are counted;
/// none if its OpenAPI document cannot be read, which is logged and keeps no
/// release from serving.
fn templates_of(bundle: &Bundle) -> Vec<String> {
    bundle.paths().unwrap_or_else(|error| {
        let plugin = &bundle.manifest.name;
        tracing::warn!(
            plugin,
            "openapi.yaml: {error}; requests are counted by prefixes"
        );
        Vec::new()
    })
}

/// Returns the names of the path parameters that the release's OpenAPI document
/// marks as secret; none if the document cannot be read, which has been logged.
fn secret_parameters(bundle: &Bundle) -> BTreeSet<String> {
    let document = bundle.openapi.as_deref().unwrap_or_default();
    openapi::secret_parameters(document).unwrap_or_default()
}

pub(in crate::rollout) fn tables(grant: &DatabaseGrant) -> TableGrant {
    TableGrant {
        read: grant.read.iter().cloned().collect(),
        write: grant.write.iter().cloned().collect(),
    }
}

fn limits(grant: &DatabaseGrant) -> CallLimits {
    CallLimits {
        rows: grant.rows as usize,
        bytes: usize::try_from(grant.bytes.as_u64()).unwrap_or(usize::MAX),
    }
}
