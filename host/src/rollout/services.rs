//! What a node has to give, and what of it a plugin's manifest grants.

use std::sync::Arc;

use super::manifest::{CONFIG_ORIGIN, Manifest};
use crate::capabilities::Granted;
use crate::capabilities::config::ConfigValues;
use crate::capabilities::outbound::Outbound;
use crate::config::secrets::{MasterSecret, SecretError};
use crate::config::{Hidden, Settings};
use crate::egress::http::{HttpClient, HttpClientError, Origin, OriginError};
use crate::egress::mail::{Mailer, MailerError};
use crate::identity::{Identity, KeyError, TokenKeys};
use crate::stores::sql::{DatabaseAccess, Databases};

/// What every plugin of a node gets its share of.
pub struct Services {
    master: MasterSecret,
    databases: Databases,
    http: Arc<HttpClient>,
    mailer: Arc<Mailer>,
    identity: Arc<Identity>,
}

/// A service cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ServicesError {
    /// The shop's secret.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The keys of tokens.
    #[error("EDGE_TOKEN_KEYS {0}")]
    TokenKeys(#[from] KeyError),
    /// Calls out.
    #[error(transparent)]
    Http(#[from] HttpClientError),
    /// Mail.
    #[error(transparent)]
    Mail(#[from] MailerError),
}

/// A setting stands against what a manifest asks for.
#[derive(Debug, thiserror::Error)]
#[error("{key}, to which the manifest grants calls out, {source}")]
pub struct GrantError {
    key: String,
    source: OriginError,
}

impl Services {
    /// Open everything that the settings name.
    ///
    /// # Errors
    /// Names what cannot be had.
    pub fn open(settings: &Settings) -> Result<Self, ServicesError> {
        let master = settings.master_secret()?;
        let keys = match &settings.token_keys {
            Some(Hidden(text)) => TokenKeys::parse(text)?,
            None => TokenKeys::single(&master.derive("tokens")),
        };
        let mailer = Mailer::new(settings.smtp_url.as_deref(), &settings.mail_from)?;
        Ok(Self {
            master,
            databases: Databases::default(),
            http: Arc::new(HttpClient::new()?),
            mailer: Arc::new(mailer),
            identity: Arc::new(Identity::new(keys)),
        })
    }

    /// Opens databases.
    #[must_use]
    pub fn databases(&self) -> &Databases {
        &self.databases
    }

    /// Who callers are.
    #[must_use]
    pub fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// The share of the plugin with this manifest.
    ///
    /// # Errors
    /// When a setting is not what the manifest takes it for.
    pub fn grant(
        &self,
        settings: &Settings,
        manifest: &Manifest,
        database: Option<Arc<DatabaseAccess>>,
    ) -> Result<Granted, GrantError> {
        let grants = &manifest.grants;
        Ok(Granted {
            database,
            config: self.config(settings, manifest),
            outbound: self.outbound(settings, &grants.outbound)?,
            mail: grants.mail.then(|| self.mailer.clone()),
            identity: grants.identity.then(|| self.identity.clone()),
        })
    }

    /// Where the plugin may call. A key that is not set grants nothing.
    fn outbound(
        &self,
        settings: &Settings,
        granted: &[String],
    ) -> Result<Option<Outbound>, GrantError> {
        let mut origins = Vec::new();
        for entry in granted {
            let url = match entry.strip_prefix(CONFIG_ORIGIN) {
                Some(key) => settings.plugin_config.0.get(key),
                None => Some(entry),
            };
            let Some(url) = url else { continue };
            let origin = url.parse::<Origin>().map_err(|source| GrantError {
                key: entry.clone(),
                source,
            })?;
            origins.push(origin);
        }
        let client = self.http.clone();
        Ok((!origins.is_empty()).then(|| Outbound {
            client,
            origins: origins.into(),
        }))
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
