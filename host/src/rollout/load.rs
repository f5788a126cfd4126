//! The way of a plugin's folder to a release: manifest, database, component,
//! migrations, first instance. Any failure names the file at fault.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;

use super::manifest::{DatabaseGrant, Isolation, Manifest, ManifestError};
use super::release::Release;
use crate::config::Settings;
use crate::runtime::artifacts::Artifacts;
use crate::runtime::{self, Demand, Plugin, PluginSpec, Runtime, inspect};
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
    /// The database does not answer.
    #[error("plugin {plugin}: {source}")]
    Database {
        /// The plugin.
        plugin: String,
        /// Why.
        source: OpenError,
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

/// Loads plugins on one node.
pub struct Loader<'a> {
    settings: &'a Settings,
    runtime: &'a Runtime,
    artifacts: Arc<Artifacts>,
}

/// Read the manifests of `folders`, and add up what they ask of the runtime.
///
/// # Errors
/// Names the first manifest that is missing or wrong.
pub fn read_manifests(folders: &[PathBuf]) -> Result<(Vec<Manifest>, Demand), LoadError> {
    let mut manifests = Vec::new();
    let mut demand = Demand::default();
    for folder in folders {
        let path = folder.join(MANIFEST);
        let manifest =
            Manifest::read(&path).map_err(|source| LoadError::Manifest { path, source })?;
        demand.instances += manifest.limits.instances;
        demand.memory = demand.memory.max(manifest.limits.memory.as_u64());
        manifests.push(manifest);
    }
    Ok((manifests, demand))
}

impl<'a> Loader<'a> {
    /// A loader into `runtime`.
    #[must_use]
    pub fn new(settings: &'a Settings, runtime: &'a Runtime, artifacts: Arc<Artifacts>) -> Self {
        Self {
            settings,
            runtime,
            artifacts,
        }
    }

    /// Make the plugin in `folder` ready to serve.
    ///
    /// # Errors
    /// Says what is at fault: a file, the database, or the component.
    pub async fn load(&self, folder: &Path, manifest: Manifest) -> Result<Release, LoadError> {
        let plugin = manifest.name.clone();
        let path = folder.join(&manifest.component);
        let wasm = tokio::fs::read(&path)
            .await
            .map(Bytes::from)
            .map_err(|source| LoadError::Component {
                plugin: plugin.clone(),
                path: path.clone(),
                source,
            })?;
        if inspect::looks_like_debug_build(&wasm) {
            tracing::warn!(
                plugin, component = %path.display(),
                "the component carries debug information, as a debug build does; \
                 build it with optimisation, it is several times faster"
            );
        }
        let database = self.open_database(&manifest).await?;
        let spec = self.spec(&manifest, database.clone());
        let loaded = Plugin::load(self.runtime, &self.artifacts, spec, wasm).await;
        let compiled = loaded.map_err(|source| LoadError::Unfit {
            plugin: plugin.clone(),
            path,
            source,
        })?;
        if let Some(database) = &database {
            migrate(&plugin, folder, database)
                .await
                .map_err(|source| LoadError::Migrate {
                    plugin: plugin.clone(),
                    source,
                })?;
        }
        let version = manifest.version.to_string();
        let header = HeaderValue::from_str(&format!("{plugin}@{version}"))
            .unwrap_or(HeaderValue::from_static("invalid"));
        Ok(Release {
            manifest,
            version,
            header,
            folder: folder.into(),
            database,
            plugin: compiled,
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
        let opened =
            DatabaseAccess::open(url, tables(grant), grant.connections, limits(grant)).await;
        match opened {
            Ok(database) => Ok(Some(Arc::new(database))),
            Err(source) => Err(LoadError::Database {
                plugin: manifest.name.clone(),
                source,
            }),
        }
    }

    fn spec(&self, manifest: &Manifest, database: Option<Arc<DatabaseAccess>>) -> PluginSpec {
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
            database,
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
