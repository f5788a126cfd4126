//! Compares existing databases with the migrations of plugins, before a node
//! serves from them.

use bundle::Bundle;
use serde::Serialize;
use stores::sql::{AdoptionReport, CallLimits, Databases, MigrateError, OpenError};

use super::load::tables;
use crate::config::Settings;

/// Limits of rows and bytes for plugins' queries: 0, because only the host
/// reads here.
const LIMITS: CallLimits = CallLimits { rows: 0, bytes: 0 };

/// Result of comparing one plugin's migrations with the database that they
/// would run on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PluginAdoption {
    /// Name of the plugin.
    pub plugin: String,
    /// URL of the database, without the password.
    pub database: String,
    /// Differences between the migrations and the tables that exist.
    pub report: AdoptionReport,
}

/// Error when a database could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum AdoptionError {
    /// The database cannot be opened.
    #[error("plugin {plugin}: {source}")]
    Open {
        /// Name of the plugin.
        plugin: String,
        /// Cause of the failure.
        source: OpenError,
    },
    /// The migrations do not fit their grant or the records of earlier ones.
    #[error("plugin {plugin}: {source}")]
    Migrations {
        /// Name of the plugin.
        plugin: String,
        /// Cause of the failure.
        source: MigrateError,
    },
}

/// Compares the migrations of each bundle whose database is on a server with
/// the tables that exist there. Nothing is changed. SQLite files belong to the
/// platform and are not compared.
///
/// # Errors
/// When a database does not answer, or a migration does what its grant does
/// not allow.
pub async fn check_adoption(
    settings: &Settings,
    bundles: &[Bundle],
) -> Result<Vec<PluginAdoption>, AdoptionError> {
    let databases = Databases::new(settings.databases.lifetimes);
    let mut checked = Vec::new();
    for bundle in bundles {
        let plugin = &bundle.manifest.name;
        let Some(grant) = &bundle.manifest.grants.database else {
            continue;
        };
        let url = settings.database_url_of(plugin);
        if url.starts_with("sqlite:") {
            continue;
        }
        let opened = databases.open(url, tables(grant), 1, LIMITS).await;
        let database = opened.map_err(|source| AdoptionError::Open {
            plugin: plugin.clone(),
            source,
        })?;
        let report = database.check_adoption(plugin, &bundle.migrations).await;
        database.close().await;
        checked.push(PluginAdoption {
            plugin: plugin.clone(),
            database: database.url().to_owned(),
            report: report.map_err(|source| AdoptionError::Migrations {
                plugin: plugin.clone(),
                source,
            })?,
        });
    }
    Ok(checked)
}
