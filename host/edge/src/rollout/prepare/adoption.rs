//! Existing databases, before a node serves from them: whether plugins'
//! migrations can run on the tables that are there.

use bundle::Bundle;
use serde::Serialize;
use stores::sql::{AdoptionReport, CallLimits, Databases, MigrateError, OpenError};

use super::load::tables;
use crate::config::Settings;

/// The rows of a database are looked at by the host alone.
const LIMITS: CallLimits = CallLimits { rows: 0, bytes: 0 };

/// One plugin's migrations and the database that they would run on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PluginAdoption {
    /// The plugin.
    pub plugin: String,
    /// The URL of its database, without the password.
    pub database: String,
    /// What was found.
    pub report: AdoptionReport,
}

/// Why a database was not compared.
#[derive(Debug, thiserror::Error)]
pub enum AdoptionError {
    /// The database does not answer.
    #[error("plugin {plugin}: {source}")]
    Open {
        /// The plugin.
        plugin: String,
        /// Why.
        source: OpenError,
    },
    /// The migrations do not fit their grant or their records.
    #[error("plugin {plugin}: {source}")]
    Migrations {
        /// The plugin.
        plugin: String,
        /// Why.
        source: MigrateError,
    },
}

/// Compares the migrations of each bundle that has a database on a server with
/// the tables that are there. Nothing is changed. Files of SQLite are the
/// platform's own, and not looked at.
///
/// # Errors
/// When a database does not answer, or a migration does what its grant does
/// not allow.
pub async fn check_adoption(
    settings: &Settings,
    bundles: &[Bundle],
) -> Result<Vec<PluginAdoption>, AdoptionError> {
    let databases = Databases::new(settings.database_lifetimes);
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
