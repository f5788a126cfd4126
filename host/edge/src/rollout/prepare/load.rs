//! The way of a bundle to a release: database, component, first instance. Any
//! failure names what is at fault.

use std::collections::BTreeSet;
use std::sync::Arc;

use bundle::manifest::{DatabaseGrant, Isolation, Manifest};
use bundle::{Bundle, BundleError, openapi};
use http::HeaderValue;
use stores::sql::{CallLimits, DatabaseAccess, OpenError, TableGrant};

use super::production;
use super::source::Source;
use crate::capabilities;
use crate::config::Settings;
use crate::guest::Granted;
use crate::rollout::backends::{Backends, GrantError};
use crate::rollout::canary::Thresholds;
use crate::rollout::serving::release::Release;
use crate::rollout::serving::route_limits;
use crate::runtime::engine::artifacts::Artifacts;
use crate::runtime::{self, CallGrants, Plugin, PluginSpec, Runtime, Urgency};

/// Why a plugin cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The component is broken, or does not fit.
    #[error("plugin {plugin}: the component {component} {source}")]
    Incompatible {
        /// The plugin.
        plugin: String,
        /// The component.
        component: String,
        /// Why.
        source: runtime::LoadError,
    },
    /// The manifest names work that the component cannot do.
    #[error(
        "plugin {0}: the manifest has [[schedule]], but the component exports no edge:platform/schedule"
    )]
    NoSchedule(String),
    /// The component keeps accounts, and may not hash their passwords.
    #[error(
        "plugin {0}: the component exports edge:platform/accounts, which is told passwords, but \
         the manifest has no `identity` in [grants]"
    )]
    NoIdentity(String),
    /// Settings are missing without which no real customers can be served.
    #[error("plugin {plugin}: refused in production: {gaps}")]
    Production {
        /// The plugin.
        plugin: String,
        /// What is missing.
        gaps: String,
    },
    /// The database does not answer.
    #[error("plugin {plugin}: {source}")]
    Database {
        /// The plugin.
        plugin: String,
        /// Why.
        source: OpenError,
    },
    /// What it may use cannot be had.
    #[error("plugin {plugin}: {source}")]
    Grant {
        /// The plugin.
        plugin: String,
        /// Why.
        source: GrantError,
    },
}

impl LoadError {
    /// Whether the same attempt may well succeed later: a store that the
    /// plugin needs does not answer.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database { source, .. } => source.is_transient(),
            Self::Grant {
                source: GrantError::Buckets(source),
                ..
            } => source.is_transient(),
            _ => false,
        }
    }

    /// Whether the plugin's database cannot be used, for whatever reason.
    #[must_use]
    pub fn is_about_database(&self) -> bool {
        matches!(self, Self::Database { source, .. } if source.is_about_connecting())
    }
}

/// Loads plugins on one node.
pub struct Loader {
    settings: Arc<Settings>,
    runtime: Arc<Runtime>,
    artifacts: Arc<Artifacts>,
    services: Arc<Backends>,
}

impl Loader {
    /// Returns from which difference on a canary does worse on this node.
    #[must_use]
    pub fn thresholds(&self) -> Thresholds {
        Thresholds::from(&*self.settings)
    }

    /// A loader into `runtime`.
    #[must_use]
    pub fn new(
        settings: Arc<Settings>,
        runtime: Arc<Runtime>,
        artifacts: Arc<Artifacts>,
        services: Arc<Backends>,
    ) -> Self {
        Self {
            settings,
            runtime,
            artifacts,
            services,
        }
    }

    /// The cache of compiled code.
    #[must_use]
    pub fn artifacts(&self) -> &Artifacts {
        &self.artifacts
    }

    /// What it loads into.
    #[must_use]
    pub fn runtime(&self) -> &Arc<Runtime> {
        &self.runtime
    }

    /// Makes `source` ready to serve, but for its migrations, which run by
    /// themselves.
    ///
    /// # Errors
    /// Says what is at fault: a file, the database, or the component.
    pub async fn load(&self, source: &Source) -> Result<Release, LoadError> {
        self.load_as(source, Urgency::New).await
    }

    /// Makes `source` ready as [`load`](Self::load) does. One that is wanted
    /// back waits for no compilation of others.
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
            .services
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

    /// Refuses in production what is not fit for it. Where a node only looks
    /// like that, these are warnings.
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
    /// When it does not answer.
    pub(super) async fn open_database(
        &self,
        manifest: &Manifest,
    ) -> Result<Option<Arc<DatabaseAccess>>, LoadError> {
        let Some(grant) = &manifest.grants.database else {
            return Ok(None);
        };
        let url = self.settings.database_url_of(&manifest.name);
        let opened = self
            .services
            .databases()
            .open(url, tables(grant), grant.connections, limits(grant))
            .await;
        let replica = self.settings.database_replica_url_of(&manifest.name);
        let opened = opened.and_then(|database| match replica {
            Some(url) => {
                let databases = self.services.databases();
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

/// What the release's requests are counted by. A document that tells nothing
/// costs no more than that: what serves does not depend on it.
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

/// The parameters of paths that the release's document marks as secret. A
/// document that cannot be read marks none, and has been warned of.
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
