//! The way of a plugin's folder to a release: manifest, database, component,
//! migrations, first instance. Any failure names the file at fault.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;

use super::manifest::{DatabaseGrant, Isolation, Manifest, ManifestError};
use super::release::Release;
use super::route_limits;
use super::services::{GrantError, Services};
use crate::capabilities::Granted;
use crate::config::Settings;
use crate::runtime::artifacts::Artifacts;
use crate::runtime::inspect::{self, DoorKind, Exports};
use crate::runtime::{self, Demand, EngineError, Plugin, PluginSpec, Runtime};
use crate::stores::sql::{CallLimits, DatabaseAccess, MigrateError, OpenError, TableGrant};

/// The manifest's name in a plugin's folder.
const MANIFEST: &str = "plugin.toml";

/// Why a plugin cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The manifest is missing or wrong.
    #[error("{}: {source}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong.
        source: ManifestError,
    },
    /// The component is missing.
    #[error("plugin {plugin}: the component {} cannot be read: {source}", path.display())]
    Component {
        /// The plugin.
        plugin: String,
        /// The component.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The component is broken, or does not fit.
    #[error("plugin {plugin}: the component {} {source}", path.display())]
    Unfit {
        /// The plugin.
        plugin: String,
        /// The component.
        path: PathBuf,
        /// Why.
        source: runtime::LoadError,
    },
    /// The manifest names work that the component cannot do.
    #[error(
        "plugin {0}: the manifest has [[schedule]], but the component exports no edge:platform/schedule"
    )]
    NoSchedule(String),
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
    /// The tables are not up to date.
    #[error("plugin {plugin}: migrations: {source}")]
    Migrate {
        /// The plugin.
        plugin: String,
        /// Why.
        source: MigrateError,
    },
}

/// A plugin's folder, as far as it can be known without running anything.
pub struct Source {
    folder: PathBuf,
    manifest: Manifest,
    component: PathBuf,
    wasm: Bytes,
    exports: Exports,
}

impl Source {
    /// Read the manifest and the component of `folder`.
    ///
    /// # Errors
    /// Names the file that is missing or wrong.
    pub fn read(folder: &Path) -> Result<Self, LoadError> {
        let path = folder.join(MANIFEST);
        let manifest =
            Manifest::read(&path).map_err(|source| LoadError::Manifest { path, source })?;
        let plugin = manifest.name.clone();
        let component = folder.join(&manifest.component);
        let wasm = std::fs::read(&component)
            .map(Bytes::from)
            .map_err(|source| LoadError::Component {
                plugin: plugin.clone(),
                path: component.clone(),
                source,
            })?;
        let exports = Exports::read(&wasm).map_err(|source| LoadError::Unfit {
            plugin: plugin.clone(),
            path: component.clone(),
            source: source.into(),
        })?;
        if !manifest.schedule.is_empty() && !exports.has_schedule {
            return Err(LoadError::NoSchedule(plugin));
        }
        if inspect::looks_like_debug_build(&wasm) {
            tracing::warn!(
                plugin, component = %component.display(),
                "the component carries debug information, as a debug build does; \
                 build it with optimisation, it is several times faster"
            );
        }
        Ok(Self {
            folder: folder.into(),
            manifest,
            component,
            wasm,
            exports,
        })
    }
}

/// Engines with room for all of `sources`.
///
/// # Errors
/// When not even one instance fits into memory.
pub fn runtime_for(sources: &[Source]) -> Result<Runtime, EngineError> {
    let (mut fast, mut standard) = (Demand::default(), Demand::default());
    for source in sources {
        let demand = match source.exports.door {
            DoorKind::Fast => &mut fast,
            DoorKind::Http02 | DoorKind::Http03 => &mut standard,
        };
        let limits = &source.manifest.limits;
        // Scheduled work has an instance of its own, whatever the load.
        let aside = u32::from(source.exports.has_schedule);
        demand.add(limits.instances + aside, limits.memory.as_u64());
    }
    Runtime::new(fast, standard)
}

/// Loads plugins on one node.
pub struct Loader<'a> {
    settings: &'a Settings,
    runtime: &'a Runtime,
    artifacts: Arc<Artifacts>,
    services: &'a Services,
}

impl<'a> Loader<'a> {
    /// A loader into `runtime`.
    #[must_use]
    pub fn new(
        settings: &'a Settings,
        runtime: &'a Runtime,
        artifacts: Arc<Artifacts>,
        services: &'a Services,
    ) -> Self {
        Self {
            settings,
            runtime,
            artifacts,
            services,
        }
    }

    /// Make `source` ready to serve.
    ///
    /// # Errors
    /// Says what is at fault: a file, the database, or the component.
    pub async fn load(&self, source: Source) -> Result<Release, LoadError> {
        let Source {
            folder,
            manifest,
            component,
            wasm,
            exports,
        } = source;
        let plugin = manifest.name.clone();
        let database = self.open_database(&manifest).await?;
        let granted = self
            .services
            .grant(self.settings, &manifest, database.clone())
            .await
            .map_err(|source| LoadError::Grant {
                plugin: plugin.clone(),
                source,
            })?;
        let spec = self.spec(&manifest, granted);
        let loaded = Plugin::load(self.runtime, &self.artifacts, spec, wasm, exports).await;
        let compiled = loaded.map_err(|source| LoadError::Unfit {
            plugin: plugin.clone(),
            path: component,
            source,
        })?;
        if let Some(database) = &database {
            migrate(&plugin, &folder, database)
                .await
                .map_err(|source| LoadError::Migrate {
                    plugin: plugin.clone(),
                    source,
                })?;
        }
        let route_limits = route_limits::of(&manifest).map_err(|source| LoadError::Grant {
            plugin: plugin.clone(),
            source: source.into(),
        })?;
        let version = manifest.version.to_string();
        let header = HeaderValue::from_str(&format!("{plugin}@{version}"))
            .unwrap_or(HeaderValue::from_static("invalid"));
        Ok(Release {
            manifest,
            version,
            header,
            folder,
            database,
            route_limits,
            plugin: Arc::new(compiled),
        })
    }

    async fn open_database(
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
        match opened {
            Ok(database) => Ok(Some(Arc::new(database))),
            Err(source) => Err(LoadError::Database {
                plugin: manifest.name.clone(),
                source,
            }),
        }
    }

    fn spec(&self, manifest: &Manifest, granted: Granted) -> PluginSpec {
        let limits = &manifest.limits;
        PluginSpec {
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
        }
    }
}

async fn migrate(
    plugin: &str,
    folder: &Path,
    database: &DatabaseAccess,
) -> Result<(), MigrateError> {
    let lock = database.lock_schema(plugin).await?;
    database
        .migrate(plugin, &folder.join("migrations"), &lock)
        .await
}

fn tables(grant: &DatabaseGrant) -> TableGrant {
    let lower = |names: &[String]| names.iter().map(|name| name.to_lowercase()).collect();
    TableGrant {
        read: lower(&grant.read),
        write: lower(&grant.write),
    }
}

fn limits(grant: &DatabaseGrant) -> CallLimits {
    CallLimits {
        rows: grant.rows as usize,
        bytes: usize::try_from(grant.bytes.as_u64()).unwrap_or(usize::MAX),
    }
}
