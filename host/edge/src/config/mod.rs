//! Settings of a node, merged from `edge.toml`, then `.env`, then the
//! environment; the later source wins. Every wrong setting is reported, all at
//! once.

mod check_urls;
mod client;
mod connections;
mod cors;
mod dotenv;
mod environment;
mod headers;
mod layers;
mod legacy_hashes;
mod limits;
mod logs;
pub mod plugin_config;
mod plugins;
mod rollout;
pub mod secrets;
mod tls;
mod traces;
mod urls;
mod values;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use check_urls::AllowedUrls;
pub use client::ClientLimits;
pub use cors::{Cors, Origins};
pub use headers::ReplyHeaders;
use layers::Layers;
pub use legacy_hashes::{LegacyHash, LegacyHashes};
pub use limits::{Rate, TrustedProxies};
use logs::access_log;
pub use logs::{AccessLog, LogFormat, LogSettings};
use plugin_config::{PluginConfig, Variable};
use plugins::{SHOP_VARIABLES, folders, shop};
pub use rollout::{CanaryLimits, ForgetAfter};
use rollout::{MOST_ACTIVATION, activation, admin_tokens, region, registry_login, trusted_keys};
use secrets::{MasterSecret, SecretError, secret};
pub use stores::source::{Source, ValueFiles};
pub use stores::sql::Lifetimes;
pub use tls::TlsSettings;
pub use traces::{Sampling, TraceSettings};
use urls::{admin_url, redis_url, smtp_url};
use values::{address, at_most_10_000, delay, duration, optional_address, switch};

/// Settings of a node, and of the commands that call one.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Address of the shop's HTTP port. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Address of the operators' port; `None` closes it.
    pub admin_listen: Option<SocketAddr>,
    /// Tokens of operators, as `name:token` with commas between. When absent,
    /// the node accepts the one that it keeps in its data folder.
    pub admin_tokens: Option<Secret<String>>,
    /// URL of the operators' port that commands such as `edge deploy` call; the
    /// node on this machine when absent.
    pub admin_url: Option<String>,
    /// Operator token that commands present; when absent, the first of
    /// `admin_tokens` or else the one in the data folder.
    pub admin_token: Option<Secret<String>>,
    /// Settings of the TLS port; absent where there is none.
    pub tls: Option<TlsSettings>,
    /// Login for registries, as `user:password`, for `edge push` and
    /// `edge deploy`; docker's own when absent.
    pub registry_login: Option<Secret<String>>,
    /// Folder for everything that this node writes.
    pub data_dir: PathBuf,
    /// Folders of plugins, each with a `plugin.toml`. Empty for a node that
    /// serves only what is deployed to it.
    pub plugins: Vec<PathBuf>,
    /// URL of the database of every plugin that has no database of its own.
    pub database_url: String,
    /// URL of the control database, which the shop's nodes share. By default
    /// `database_url` where that is a server, else a file in the data folder.
    pub control_url: String,
    /// URLs of single plugins' databases, by plugin name
    /// (`DATABASE_URL_<NAME>`).
    pub plugin_database_urls: BTreeMap<String, String>,
    /// URL of a replica of `database_url`, for queries that tolerate stale
    /// reads.
    pub database_replica_url: Option<String>,
    /// URLs of replicas of single plugins' databases
    /// (`DATABASE_REPLICA_URL_<NAME>`).
    pub plugin_database_replica_urls: BTreeMap<String, String>,
    /// Limit on the node's connections to database servers in total; when
    /// absent, only each pool's own limit applies.
    pub database_connections_total: Option<u32>,
    /// Idle timeout and maximum lifetime of connections to database servers.
    pub database_lifetimes: Lifetimes,
    /// Time limit for one call of a request to a store, where the request has
    /// more time left.
    pub store_timeout: Duration,
    /// URL of Redis, or several URLs of one Redis Cluster; when absent, the
    /// node uses its own key-value store and rate limiter.
    pub redis_url: Option<String>,
    /// Files from which values of settings were read (`<NAME>_FILE`). They may
    /// be rotated while the node runs.
    pub value_files: ValueFiles,
    /// URL of the mail server; mail is written to the log when absent.
    pub smtp_url: Option<String>,
    /// Sender address of mail.
    pub mail_from: String,
    /// Region of this node. The nodes of a region share periodic work and get
    /// releases together.
    pub region: String,
    /// The shop's secret, shared by its nodes; the one that the data folder
    /// keeps when absent.
    pub secret: Option<Secret<String>>,
    /// Second secret that verifies and does not sign: the next one before the
    /// secret is changed, and the previous one afterwards.
    pub secret_fallback: Option<Secret<String>>,
    /// Keys of tokens, as `kid:secret` with commas between: the first signs,
    /// all verify. One is derived from the shop's secret when absent.
    pub token_keys: Option<Secret<String>>,
    /// Fast password hashes by which an older back end's accounts may log in.
    pub legacy_password_hashes: LegacyHashes,
    /// Configuration values for plugins, each of which reads the keys that its
    /// manifest names.
    pub plugin_config: Secret<PluginConfig>,
    /// True if real customers are served. A plugin is then refused if a setting
    /// is missing that its manifest requires in production.
    pub production: bool,
    /// True if plugins with empty tables fill them at start.
    pub seed: bool,
    /// Format and filter of log lines, their limit on repeats, and how many are
    /// kept.
    pub log: LogSettings,
    /// Requests that are written to the access log.
    pub access_log: AccessLog,
    /// Destination and sampling of traces.
    pub traces: TraceSettings,
    /// Time limit for requests in flight to finish after SIGTERM.
    pub drain_timeout: Duration,
    /// Time for which a node that was told to stop still accepts connections,
    /// while `/readyz` reports that it is not ready.
    pub unready_delay: Duration,
    /// Time limit for a request to wait for a free instance, after which it is
    /// refused.
    pub queue_timeout: Duration,
    /// Time limit for a release to become ready on this node.
    pub activation_timeout: Duration,
    /// Size limit, in bytes, of the data folder's cache of compiled components.
    pub compiled_cache: u64,
    /// Instances that are reserved for plugins that are deployed later.
    pub spare_instances: u32,
    /// Public keys of which one must have signed a release; no signature is
    /// required when empty.
    pub trusted_keys: Vec<String>,
    /// Limits by which a canary is judged and withdrawn.
    pub canary: CanaryLimits,
    /// Time after which nodes and regions that are gone are forgotten.
    pub forget_after: ForgetAfter,
    /// Limits on what a client may send.
    pub client: ClientLimits,
    /// Rate limit of one client address on one node; no limit when absent.
    pub rate_limit: Option<Rate>,
    /// True if rate limits are enforced, those of manifests included.
    pub rate_limits: bool,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: TrustedProxies,
    /// Header fields of every reply.
    pub reply_headers: ReplyHeaders,
    /// True if replies are compressed for clients that accept it.
    pub compression: bool,
    /// CORS rules for pages of other origins; none is allowed when absent.
    pub cors: Option<Cors>,
    /// Warnings for the operator about these settings, none of which prevents a
    /// start.
    pub warnings: Vec<String>,
}

/// A value that is hidden in debug output.
#[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Secret<T>(pub T);

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// All problems of the settings.
#[derive(Debug, thiserror::Error)]
pub struct ConfigError {
    problems: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} wrong setting(s):", self.problems.len())?;
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

const PER_PLUGIN_DATABASE: &str = "database_url_";
const PER_PLUGIN_REPLICA: &str = "database_replica_url_";

impl Settings {
    /// Reads the settings from `file` (which may be absent), the `.env` beside
    /// it, and the process's environment.
    ///
    /// # Errors
    /// Names every setting that is unknown or malformed.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let dotenv = file.with_file_name(".env");
        Self::from_layers(Layers::read(file, &dotenv, std::env::vars_os()))
    }

    /// Returns the settings of a node for which nothing was set, with its data
    /// in `data_dir`.
    ///
    /// # Errors
    /// In practice never: a default that its own parser refuses is a bug, and
    /// the tests parse them all.
    pub fn defaults(data_dir: &Path) -> Result<Self, ConfigError> {
        let mut layers = Layers::default();
        layers.set("data_dir", data_dir.display().to_string());
        Self::from_layers(layers)
    }

    fn from_layers(mut layers: Layers) -> Result<Self, ConfigError> {
        let data_dir: PathBuf = layers.take("data_dir", "data".into(), |text| Ok(text.into()));
        let default_database = format!("sqlite://{}/shop.sqlite", data_dir.display());
        let database_url = layers.take("database_url", default_database, urls::database_url);
        let default_control = if database_url.starts_with("sqlite:") {
            format!("sqlite://{}/control.sqlite", data_dir.display())
        } else {
            database_url.clone()
        };
        let cors = Cors::take(&mut layers);
        let settings = Self {
            listen: layers.take("listen", SocketAddr::from(([127, 0, 0, 1], 8080)), address),
            tls: TlsSettings::take(&mut layers),
            admin_listen: layers.take(
                "admin_listen",
                Some(SocketAddr::from(([127, 0, 0, 1], 8081))),
                optional_address,
            ),
            admin_url: layers.take("admin_url", None, admin_url),
            admin_token: layers.take("admin_token", None, |text| Ok(Some(Secret(text.into())))),
            admin_tokens: layers.take("admin_tokens", None, admin_tokens),
            registry_login: layers.take("registry_login", None, registry_login),
            plugins: layers.take("plugins", shop(), folders),
            control_url: layers.take("control_url", default_control, urls::database_url),
            database_url,
            plugin_database_urls: layers
                .take_prefixed(PER_PLUGIN_DATABASE, |_, url| urls::database_url(url)),
            database_replica_url: layers.take("database_replica_url", None, |text| {
                urls::replica_url(text).map(Some)
            }),
            plugin_database_replica_urls: layers
                .take_prefixed(PER_PLUGIN_REPLICA, |_, url| urls::replica_url(url)),
            database_connections_total: layers.take(
                "database_connections_total",
                None,
                connections::total,
            ),
            database_lifetimes: connections::take_lifetimes(&mut layers),
            store_timeout: layers.take("store_timeout", Duration::from_secs(5), duration),
            redis_url: layers.take("redis_url", None, redis_url),
            smtp_url: layers.take("smtp_url", None, smtp_url),
            mail_from: layers.take("mail_from", "shop@localhost".into(), |text| Ok(text.into())),
            region: layers.take("region", "local".into(), region),
            secret: layers.take("secret", None, secret),
            secret_fallback: layers.take("secret_fallback", None, secret),
            token_keys: layers.take("token_keys", None, |text| Ok(Some(Secret(text.into())))),
            legacy_password_hashes: LegacyHashes::take(&mut layers),
            plugin_config: Secret(plugin_config(&mut layers)),
            production: layers.take("production", false, switch),
            seed: layers.take("seed", true, switch),
            log: LogSettings::take(&mut layers),
            access_log: layers.take("access_log", AccessLog::All, access_log),
            traces: TraceSettings::take(&mut layers),
            drain_timeout: layers.take("drain_timeout", Duration::from_secs(30), duration),
            unready_delay: layers.take("unready_delay", Duration::ZERO, delay),
            queue_timeout: layers.take("queue_timeout", Duration::from_millis(40), duration),
            activation_timeout: layers.take("activation_timeout", MOST_ACTIVATION, activation),
            compiled_cache: layers.take("compiled_cache", rollout::COMPILED_CACHE, rollout::bytes),
            spare_instances: layers.take("spare_instances", 256, at_most_10_000),
            trusted_keys: layers.take("trusted_keys", Vec::new(), trusted_keys),
            canary: CanaryLimits::take(&mut layers),
            forget_after: ForgetAfter::take(&mut layers),
            client: ClientLimits::take(&mut layers),
            rate_limits: layers.take("rate_limits", true, switch),
            rate_limit: layers.take("rate_limit", Some(limits::DEFAULT_RATE), limits::rate),
            trusted_proxies: layers.take("trusted_proxies", TrustedProxies::default(), str::parse),
            compression: layers.take("compression", true, switch),
            reply_headers: ReplyHeaders::take(&mut layers, cors.is_some()),
            cors,
            data_dir,
            value_files: layers.take_files(),
            warnings: layers.take_warnings(),
        };
        for plugin in settings.plugin_database_replica_urls.keys() {
            if settings.database_url_of(plugin).starts_with("sqlite:") {
                layers.complain(&format!(
                    "{PER_PLUGIN_REPLICA}{plugin} is a replica of a file, which has none"
                ));
            }
        }
        if settings.database_replica_url.is_some() && settings.database_url.starts_with("sqlite:") {
            layers.complain("database_replica_url is a replica of a file, which has none");
        }
        match layers.into_problems() {
            problems if problems.is_empty() => Ok(settings),
            problems => Err(ConfigError { problems }),
        }
    }

    /// Returns the secret from which the shop's others are derived. Its
    /// fallbacks are `secret_fallback`, and the secret that this node generated
    /// before `secret` was set.
    ///
    /// # Errors
    /// When the data folder's secret cannot be read or generated.
    pub fn master_secret(&self) -> Result<MasterSecret, SecretError> {
        let Some(Secret(secret)) = &self.secret else {
            let made = MasterSecret::of_data_folder(&self.data_dir)?;
            return Ok(self.with_fallback(made));
        };
        let set = self.with_fallback(MasterSecret::of_setting(secret));
        let made = MasterSecret::made_in_data_folder(&self.data_dir)?;
        Ok(match made {
            Some(made) => set.with_fallback(&made),
            None => set,
        })
    }

    fn with_fallback(&self, secret: MasterSecret) -> MasterSecret {
        match &self.secret_fallback {
            Some(Secret(other)) => secret.with_fallback(&MasterSecret::of_setting(other)),
            None => secret,
        }
    }

    /// Returns the URL of the database that `plugin` uses.
    #[must_use]
    pub fn database_url_of(&self, plugin: &str) -> &str {
        self.plugin_database_urls
            .get(&plugin.replace('-', "_"))
            .unwrap_or(&self.database_url)
    }

    /// Returns the URL of the replica of the database that `plugin` uses, if
    /// there is one. A plugin with a database of its own does not use the
    /// replica of the shared database.
    #[must_use]
    pub fn database_replica_url_of(&self, plugin: &str) -> Option<&str> {
        let key = plugin.replace('-', "_");
        let shared = match self.plugin_database_urls.contains_key(&key) {
            true => None,
            false => self.database_replica_url.as_ref(),
        };
        let own = self.plugin_database_replica_urls.get(&key);
        own.or(shared).map(String::as_str)
    }

    /// Returns whether real customers seem to be served: `production` is set,
    /// there is TLS, or a database is on a server.
    #[must_use]
    pub fn looks_like_production(&self) -> bool {
        let is_server = |url: &String| !url.starts_with("sqlite:");
        self.production
            || self.tls.is_some()
            || is_server(&self.database_url)
            || self.plugin_database_urls.values().any(is_server)
    }

    /// Returns the URL of the database in which the nodes of a shop take
    /// leases: the control database where it is on a server. A control database
    /// in a file belongs to one node, so the plugins' database is used then.
    #[must_use]
    pub fn lease_url(&self) -> &str {
        match self.control_url.starts_with("sqlite:") {
            true => &self.database_url,
            false => &self.control_url,
        }
    }

    /// Returns whether any database has a replica.
    #[must_use]
    pub fn has_replicas(&self) -> bool {
        self.database_replica_url.is_some() || !self.plugin_database_replica_urls.is_empty()
    }
}

/// Takes the plugins' configuration out of `layers`. The shop's own variables
/// are reserved whatever the operator adds: a payment plugin that no longer
/// reads its key would charge nobody.
fn plugin_config(layers: &mut Layers) -> PluginConfig {
    let added = layers.take("plugin_variables", Vec::new(), plugin_config::variables);
    let shop = SHOP_VARIABLES.map(|(plugin, key)| Variable::new(plugin, key));
    let variables: Vec<_> = shop.into_iter().chain(added).collect();
    layers.judge_unread(|name| variables.iter().any(|variable| variable.is_set_by(name)));
    let mut config = layers.take_plugin_config();
    for problem in config.read_files(variables.iter()) {
        layers.complain(&problem);
    }
    config.reserve(variables)
}

#[cfg(test)]
mod tests;
