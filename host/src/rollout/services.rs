//! What a node has to give, and what of it a plugin's manifest grants.

use std::sync::Arc;

use super::manifest::Manifest;
use crate::capabilities::Granted;
use crate::capabilities::config::ConfigValues;
use crate::config::Settings;
use crate::config::secrets::{MasterSecret, SecretError};
use crate::stores::sql::{DatabaseAccess, Databases};

/// What every plugin of a node gets its share of.
pub struct Services {
    master: MasterSecret,
    databases: Databases,
}

/// A service cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ServicesError {
    /// The shop's secret.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl Services {
    /// Open everything that the settings name.
    ///
    /// # Errors
    /// Names what cannot be had.
    pub fn open(settings: &Settings) -> Result<Self, ServicesError> {
        Ok(Self {
            master: settings.master_secret()?,
            databases: Databases::default(),
        })
    }

    /// Opens databases.
    #[must_use]
    pub fn databases(&self) -> &Databases {
        &self.databases
    }

    /// The share of the plugin with this manifest.
    #[must_use]
    pub fn grant(
        &self,
        settings: &Settings,
        manifest: &Manifest,
        database: Option<Arc<DatabaseAccess>>,
    ) -> Granted {
        Granted {
            database,
            config: self.config(settings, manifest),
        }
    }

    /// What the operator set, and the secrets that nobody has to set.
    fn config(&self, settings: &Settings, manifest: &Manifest) -> ConfigValues {
        let set = |key: &String| settings.plugin_config.0.get(key).cloned();
        let granted = manifest.grants.config.iter();
        let values = granted.map(|key| (key.clone(), set(key)));
        let secrets = manifest.grants.secrets.iter().map(|key| {
            let made = || self.secret(&manifest.name, key);
            (key.clone(), Some(set(key).unwrap_or_else(made)))
        });
        Arc::new(values.chain(secrets).collect())
    }

    fn secret(&self, plugin: &str, key: &str) -> String {
        hex::encode(self.master.derive(&format!("plugin/{plugin}/{key}")))
    }
}
