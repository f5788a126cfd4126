//! What a node has to give, and what of it a plugin's manifest grants.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::OnceCell;

use super::manifest::Manifest;
use crate::capabilities::Granted;
use crate::capabilities::config::ConfigValues;
use crate::capabilities::keyvalue::Buckets;
use crate::capabilities::rate_limit::PluginLimits;
use crate::config::Settings;
use crate::config::secrets::{MasterSecret, SecretError};
use crate::stores::keyvalue::{BucketOptions, KeyValue, OpenError};
use crate::stores::limiter::{Limiter, PolicyError};
use crate::stores::redis::UrlError;
use crate::stores::sql::{DatabaseAccess, Databases};

/// What every key in Redis begins with.
const PREFIX: &str = "edge";

/// The embedded key-value store's file, in the data folder.
const KEYVALUE_FILE: &str = "keyvalue.sqlite";

/// What every plugin of a node gets its share of.
pub struct Services {
    master: MasterSecret,
    databases: Databases,
    keyvalue: OnceCell<KeyValue>,
    limiter: Arc<Limiter>,
}

/// A service cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ServicesError {
    /// The shop's secret.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Redis.
    #[error(transparent)]
    Redis(#[from] UrlError),
}

/// A plugin's share cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// Its buckets.
    #[error(transparent)]
    Buckets(#[from] OpenError),
    /// A rate limit.
    #[error("rate-limit: {0}")]
    Limit(#[from] PolicyError),
}

impl Services {
    /// Open everything that the settings name.
    ///
    /// # Errors
    /// Names what cannot be had.
    pub fn open(settings: &Settings) -> Result<Self, ServicesError> {
        let limiter = match &settings.redis_url {
            Some(urls) => Limiter::redis(urls, PREFIX)?,
            None => Limiter::local(),
        };
        Ok(Self {
            master: settings.master_secret()?,
            databases: Databases::default(),
            keyvalue: OnceCell::new(),
            limiter: Arc::new(limiter),
        })
    }

    /// Opens databases.
    #[must_use]
    pub fn databases(&self) -> &Databases {
        &self.databases
    }

    /// Counts requests against rate limits.
    #[must_use]
    pub fn limiter(&self) -> &Arc<Limiter> {
        &self.limiter
    }

    /// The share of the plugin with this manifest.
    ///
    /// # Errors
    /// When a store that it needs cannot be opened.
    pub async fn grant(
        &self,
        settings: &Settings,
        manifest: &Manifest,
        database: Option<Arc<DatabaseAccess>>,
    ) -> Result<Granted, GrantError> {
        Ok(Granted {
            database,
            config: self.config(settings, manifest),
            buckets: self.buckets(settings, manifest).await?,
            limits: self.limits(manifest)?,
        })
    }

    async fn buckets(
        &self,
        settings: &Settings,
        manifest: &Manifest,
    ) -> Result<Buckets, OpenError> {
        let mut buckets = BTreeMap::new();
        for (name, grant) in &manifest.grants.buckets {
            let options = BucketOptions {
                ttl: grant.ttl,
                longest_value: usize::try_from(grant.bytes.as_u64()).unwrap_or(usize::MAX),
            };
            let store = self.keyvalue(settings).await?;
            buckets.insert(name.clone(), store.bucket(&manifest.name, name, options)?);
        }
        Ok(Arc::new(buckets))
    }

    /// Opened for the first plugin that has buckets.
    async fn keyvalue(&self, settings: &Settings) -> Result<&KeyValue, OpenError> {
        let opening = async || match &settings.redis_url {
            Some(urls) => KeyValue::redis(urls, PREFIX),
            None => KeyValue::embedded(&settings.data_dir.join(KEYVALUE_FILE), PREFIX).await,
        };
        self.keyvalue.get_or_try_init(opening).await
    }

    fn limits(&self, manifest: &Manifest) -> Result<Option<PluginLimits>, PolicyError> {
        let own = manifest
            .rate_limits
            .iter()
            .filter(|limit| limit.path.is_none());
        let policies: Result<BTreeMap<_, _>, _> = own
            .map(|limit| Ok((limit.name.clone(), limit.policy(&manifest.name)?)))
            .collect();
        let policies = Arc::new(policies?);
        let limiter = self.limiter.clone();
        Ok((!policies.is_empty()).then_some(PluginLimits { limiter, policies }))
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
