//! Opens the stores and clients of a node, and gives each plugin the parts that
//! its manifest grants.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bundle::manifest::{CONFIG_ORIGIN, Manifest};
use stores::clock::SharedClock;
use stores::keyvalue::{self, BucketOptions, KeyValue};
use stores::limiter::{Limiter, PolicyError};
use stores::redis::UrlError;
use stores::sql::{Connections, DatabaseAccess, Databases};
use tokio::sync::OnceCell;

use crate::config::plugin_config::{PluginConfig, variable_of};
use crate::config::secrets::{MasterSecret, SecretError};
use crate::config::{Secret, Settings};
use crate::egress::http::{HttpClient, HttpClientError, Origin, OriginError};
use crate::egress::mail::{Mailer, MailerError};
use crate::guest::{Buckets, ConfigValues, Granted, Outbound, PluginLimits};
use crate::identity::{Identity, KeyError, Passwords, RevocationError, TokenKeys};
use crate::telemetry::counters::{Counters, Owner, Registry};

/// Prefix of every key in Redis.
const PREFIX: &str = "edge";

/// Suffix of the configuration key under which a plugin reads the other valid
/// values of a secret.
const FALLBACKS: &str = "_FALLBACKS";

/// File name of the embedded key-value store, in the data folder.
const KEYVALUE_FILE: &str = "keyvalue.sqlite";

/// Stores and clients of a node, which its plugins share.
pub struct Backends {
    master: MasterSecret,
    databases: Databases,
    clock: Arc<SharedClock>,
    keyvalue: OnceCell<KeyValue>,
    limiter: Arc<Limiter>,
    http: Arc<HttpClient>,
    mailer: Arc<Mailer>,
    identity: Arc<Identity>,
    counters: Arc<Registry>,
}

/// Error when a store or client of the node cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum BackendsError {
    /// The shop's secret cannot be read or is unfit.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The URL of Redis is malformed.
    #[error(transparent)]
    Redis(#[from] UrlError),
    /// The setting `token_keys` cannot be parsed.
    #[error("EDGE_TOKEN_KEYS {0}")]
    TokenKeys(#[from] KeyError),
    /// The store of revoked tokens cannot be opened.
    #[error(transparent)]
    Revocations(#[from] RevocationError),
    /// The client for outbound HTTP calls cannot be made.
    #[error(transparent)]
    Http(#[from] HttpClientError),
    /// The mail client cannot be made from its settings.
    #[error(transparent)]
    Mail(#[from] MailerError),
}

/// Error when a grant of a plugin's manifest cannot be fulfilled.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// An entry of `outbound` in the manifest, or the setting that it names, is
    /// not a valid origin.
    #[error("{key}, to which the manifest grants calls out, {source}")]
    Outbound {
        /// Entry of the grant `outbound` in the manifest: a URL, or a reference
        /// to a configuration key.
        key: String,
        /// Reason why the URL is not a valid origin.
        source: OriginError,
    },
    /// A secret of the plugin is set in `[config]`, which every plugin may
    /// read.
    #[error(
        "the secret {key} stands in [config], which every plugin may read: set it in a table \
         [config.<plugin>] of this plugin's own"
    )]
    SharedSecret {
        /// Configuration key of the secret.
        key: String,
    },
    /// The store of the plugin's buckets cannot be opened.
    #[error(transparent)]
    Buckets(#[from] keyvalue::OpenError),
    /// A rate limit of the manifest is invalid.
    #[error("rate-limit: {0}")]
    Limit(#[from] PolicyError),
}

impl Backends {
    /// Opens the stores and clients that the settings name. The store of
    /// buckets is opened later, for the first plugin that has any.
    ///
    /// # Errors
    /// When a secret, a key or a URL in the settings is invalid, or the store
    /// of revoked tokens or a client cannot be opened.
    pub async fn open(settings: &Settings) -> Result<Self, BackendsError> {
        let limiter = match &settings.redis_url {
            _ if !settings.rate_limits => Limiter::off(),
            Some(urls) => Limiter::redis(settings.value_files.source(urls), PREFIX)?,
            None => Limiter::local(),
        };
        let master = settings.master_secret()?;
        let keys = token_keys(settings, &master)?;
        let mailer = Mailer::new(settings.mail.url.as_deref(), &settings.mail.from)?;
        let databases = Databases::new(settings.databases.lifetimes)
            .with_bound(settings.databases.connections_total)
            .with_files(settings.value_files.clone());
        let clock = Arc::<SharedClock>::default();
        let passwords = Passwords::new(settings.legacy_password_hashes.clone());
        let control_url = &settings.control_url;
        let identity =
            Identity::open(passwords, keys, &databases, control_url, clock.clone()).await?;
        Ok(Self {
            master,
            databases,
            clock,
            keyvalue: OnceCell::new(),
            limiter: Arc::new(limiter),
            http: Arc::new(HttpClient::new()?),
            mailer: Arc::new(mailer),
            identity: Arc::new(identity),
            counters: Arc::default(),
        })
    }

    /// Returns the pools of databases, through which databases are opened.
    #[must_use]
    pub fn databases(&self) -> &Databases {
        &self.databases
    }

    /// Returns the clock of the control database, as this node knows it.
    #[must_use]
    pub fn clock(&self) -> &Arc<SharedClock> {
        &self.clock
    }

    /// Returns the store of all buckets; `None` until a plugin with buckets is
    /// granted them.
    #[must_use]
    pub fn buckets_store(&self) -> Option<&KeyValue> {
        self.keyvalue.get()
    }

    /// Returns the connections to Redis by their purpose: `buckets` or
    /// `rate-limits`. Purposes without Redis are left out.
    #[must_use]
    pub fn redis_connections(&self) -> Vec<(&'static str, Connections)> {
        let buckets = self.buckets_store().and_then(KeyValue::connections);
        let limits = self.limiter.connections();
        let all = [("buckets", buckets), ("rate-limits", limits)].into_iter();
        all.filter_map(|(name, now)| Some((name, now?))).collect()
    }

    /// Returns a message for each of the buckets' and the rate limits' stores
    /// that refuses changes right now.
    #[must_use]
    pub fn refusals(&self) -> Vec<String> {
        let buckets = self.buckets_store().and_then(KeyValue::refusal);
        let limits = self.limiter.refusal();
        buckets.into_iter().chain(limits).collect()
    }

    /// Returns the limiter, which counts requests against rate limits.
    #[must_use]
    pub fn limiter(&self) -> &Arc<Limiter> {
        &self.limiter
    }

    /// Returns the key that is derived from the shop's secret for the cohorts
    /// of clients and for the cookies that keep them.
    #[must_use]
    pub fn cohort_key(&self) -> [u8; 32] {
        self.master.derive("draw")
    }

    /// Returns the keys derived from fallbacks of the shop's secret, whose
    /// cookies are still accepted; see [`cohort_key`](Self::cohort_key).
    #[must_use]
    pub fn cohort_key_fallbacks(&self) -> Vec<[u8; 32]> {
        self.master.derive_fallbacks("draw")
    }

    /// Returns the identity of this node, which verifies callers' tokens and
    /// hashes passwords.
    #[must_use]
    pub fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// Returns the registry of the metrics that plugins declare and count
    /// themselves.
    #[must_use]
    pub fn counters(&self) -> &Arc<Registry> {
        &self.counters
    }

    /// Returns the grants of the plugin with this manifest.
    ///
    /// # Errors
    /// When a setting does not fit the manifest, a secret is set where other
    /// plugins can read it, a rate limit is invalid, or the store of buckets
    /// cannot be opened.
    pub async fn grant(
        &self,
        settings: &Settings,
        manifest: &Manifest,
        database: Option<Arc<DatabaseAccess>>,
    ) -> Result<Granted, GrantError> {
        let grants = &manifest.grants;
        Ok(Granted {
            database,
            config: self.config(settings, manifest)?,
            buckets: self.buckets(settings, manifest).await?,
            limits: self.limits(manifest)?,
            counters: self.count_for(manifest),
            outbound: self.outbound(settings, manifest)?,
            mail: grants.mail.then(|| self.mailer.clone()),
            identity: grants.identity.as_ref().map(|_| self.identity.clone()),
            token_roles: token_roles(manifest),
        })
    }

    async fn buckets(
        &self,
        settings: &Settings,
        manifest: &Manifest,
    ) -> Result<Buckets, keyvalue::OpenError> {
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

    /// Returns the store of buckets, which is opened for the first plugin that
    /// has any.
    async fn keyvalue(&self, settings: &Settings) -> Result<&KeyValue, keyvalue::OpenError> {
        let opening = async || match &settings.redis_url {
            Some(urls) => KeyValue::redis(settings.value_files.source(urls), PREFIX),
            None => KeyValue::embedded(&settings.data_dir.join(KEYVALUE_FILE), PREFIX).await,
        };
        self.keyvalue.get_or_try_init(opening).await
    }

    fn count_for(&self, manifest: &Manifest) -> Counters {
        let owner = Owner {
            plugin: manifest.name.clone(),
            version: manifest.version.to_string(),
        };
        let declared = manifest.metrics.iter();
        let declared = declared.map(|(name, metric)| (name.clone(), metric.declared()));
        self.counters.declare(&owner, &declared.collect())
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

    /// Returns the origins that the plugin is allowed to call. An entry whose
    /// configuration key is not set grants nothing.
    fn outbound(
        &self,
        settings: &Settings,
        manifest: &Manifest,
    ) -> Result<Option<Outbound>, GrantError> {
        let mut origins = Vec::new();
        for entry in &manifest.grants.outbound {
            let url = match entry.strip_prefix(CONFIG_ORIGIN) {
                Some(key) => settings.plugin_config.0.get(&manifest.name, key),
                None => Some(entry.as_str()),
            };
            let Some(url) = url else { continue };
            let origin = url.parse::<Origin>();
            let origin = origin.map_err(|source| GrantError::Outbound {
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

    /// Returns the configuration values that the manifest grants. A secret that
    /// the operator did not set is derived from the shop's secret.
    ///
    /// # Errors
    /// When a secret is set in `[config]`, where other plugins could read it.
    /// Using a derived value instead would invalidate what was made with the
    /// one that was set.
    fn config(&self, settings: &Settings, manifest: &Manifest) -> Result<ConfigValues, GrantError> {
        let (plugin, set) = (&manifest.name, &settings.plugin_config.0);
        let mut values = BTreeMap::new();
        for key in &manifest.grants.config {
            warn_if_unread(set, plugin, key);
            values.insert(key.clone(), set.get(plugin, key).map(str::to_owned));
        }
        for key in &manifest.grants.secrets {
            let value = match set.get_own(plugin, key) {
                Some(own) => own.to_owned(),
                None if set.is_shared(key) => {
                    return Err(GrantError::SharedSecret { key: key.clone() });
                }
                None => {
                    warn_if_unread(set, plugin, key);
                    self.secret(plugin, key)
                }
            };
            values.insert(key.clone(), Some(value));
            let fallbacks = format!("{key}{FALLBACKS}");
            let known = match set.get_own(plugin, key) {
                Some(_) => set.get_own(plugin, &fallbacks).map(str::to_owned),
                None => self.secret_fallbacks(plugin, key),
            };
            values.entry(fallbacks).or_insert(known);
        }
        Ok(Arc::new(values))
    }

    fn secret(&self, plugin: &str, key: &str) -> String {
        hex::encode(self.master.derive(&purpose(plugin, key)))
    }

    /// Returns the values that a derived secret has on nodes with another
    /// secret of the shop, separated by commas, while the shop's secret is
    /// being rotated.
    fn secret_fallbacks(&self, plugin: &str, key: &str) -> Option<String> {
        let known = self.master.derive_fallbacks(&purpose(plugin, key));
        let known: Vec<String> = known.iter().map(hex::encode).collect();
        (!known.is_empty()).then(|| known.join(","))
    }
}

fn purpose(plugin: &str, key: &str) -> String {
    format!("plugin/{plugin}/{key}")
}

/// Returns the keys of tokens: the ones in `token_keys`, or else keys derived
/// from the shop's secret, with its fallbacks for verification.
///
/// # Errors
/// When `token_keys` cannot be parsed.
pub fn token_keys(settings: &Settings, master: &MasterSecret) -> Result<TokenKeys, KeyError> {
    const PURPOSE: &str = "tokens";
    match &settings.keys.token_keys {
        Some(Secret(text)) => TokenKeys::parse(text),
        None => {
            let fallbacks = master.derive_fallbacks(PURPOSE);
            Ok(TokenKeys::single(&master.derive(PURPOSE)).verifying(&fallbacks))
        }
    }
}

/// Warns if `key` is set where this plugin does not read it, since the operator
/// may have meant it for the plugin.
fn warn_if_unread(set: &PluginConfig, plugin: &str, key: &str) {
    if set.is_set_for_others(plugin, key) {
        let variable = variable_of(plugin, key);
        tracing::warn!(
            plugin,
            "{key} is set, but not for this plugin, which asks for it; set {variable}, or {key} \
             in [config.{plugin}] of edge.toml"
        );
    }
}

fn token_roles(manifest: &Manifest) -> Arc<BTreeSet<String>> {
    let grant = manifest.grants.identity.as_ref();
    let roles = grant.map(|grant| grant.roles.iter().cloned().collect());
    Arc::new(roles.unwrap_or_default())
}
