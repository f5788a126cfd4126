//! Settings of a node, merged from the defaults of this distribution, then
//! `edge.toml`, then `.env`, then the environment; the later source wins. Every
//! wrong setting is reported, all at once.

mod admin;
mod client;
mod cors;
mod databases;
mod error;
mod headers;
mod keys;
mod layers;
mod legacy_hashes;
mod limits;
mod logs;
mod mail;
mod mount_path;
pub mod plugin_config;
mod plugin_variables;
mod plugins;
mod releases;
mod rollout;
mod secret;
pub mod secrets;
mod stop;
#[cfg(test)]
mod tests;
mod tls;
mod traces;
mod values;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use admin::AdminSettings;
pub use client::ClientLimits;
pub use cors::{Cors, Origins};
pub use databases::DatabaseSettings;
use databases::take_urls;
pub use error::ConfigError;
pub use headers::ReplyHeaders;
pub use keys::KeySettings;
use layers::Layers;
pub use legacy_hashes::{LegacyHash, LegacyHashes};
pub use limits::{Rate, TrustedProxies};
use logs::access_log;
pub use logs::{AccessLog, LogFormat, LogSettings};
pub use mail::MailSettings;
use mount_path::mount_path;
use plugin_config::PluginConfig;
use plugin_variables::take_plugin_config;
use plugins::folders;
pub use releases::ReleaseSettings;
pub use rollout::{CanaryLimits, ForgetAfter};
pub use secret::Secret;
pub use stop::StopSettings;
pub use stores::source::{Source, ValueFiles};
pub use stores::sql::Lifetimes;
pub use tls::TlsSettings;
pub use traces::{Sampling, TraceSettings};
pub use values::allowed_urls::AllowedUrls;
use values::urls::redis_url;
use values::{address, bytes_or_off, duration, region, switch};

/// Lowest layer of settings.
const DEFAULTS: &str = include_str!("defaults.toml");

/// Default address of the shop's port: this machine alone reaches it.
const LISTEN: ([u8; 4], u16) = ([127, 0, 0, 1], 8080);

/// Default bound on the replies that are kept: 128 MiB, some 50,000 pages of a catalog.
const REPLY_CACHE: u64 = 128 << 20;

/// Settings of a node, and of the commands that call one.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Address of the shop's HTTP port. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Settings of the TLS port; absent where there is none.
    pub tls: Option<TlsSettings>,
    /// Settings of the operators' port.
    pub admin: AdminSettings,
    /// Folder for everything that this node writes.
    pub data_dir: PathBuf,
    /// Folders of plugins, each with a `plugin.toml`. Empty for a node that
    /// serves only what is deployed to it.
    pub plugins: Vec<PathBuf>,
    /// Path under which all routes answer too; `None` for no such path.
    pub mount_path: Option<String>,
    /// URL of the database of every plugin that has no database of its own.
    pub database_url: String,
    /// URL of the control database, which the shop's nodes share. By default
    /// `database_url` where that is a server, else a file in the data folder.
    pub control_url: String,
    /// Databases of single plugins, replicas, and connections to databases.
    pub databases: DatabaseSettings,
    /// Time limit for one call of a request to a store, where the request has
    /// more time left.
    pub store_timeout: Duration,
    /// URL of Redis, or several URLs of one Redis Cluster; when absent, the
    /// node uses its own key-value store and rate limiter.
    pub redis_url: Option<String>,
    /// Files from which values of settings were read (`<NAME>_FILE`). They may
    /// be rotated while the node runs.
    pub value_files: ValueFiles,
    /// Settings of mail.
    pub mail: MailSettings,
    /// Region of this node. The nodes of a region share periodic work and get
    /// releases together.
    pub region: String,
    /// Secrets that the shop's nodes share.
    pub keys: KeySettings,
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
    /// Time limits of a node that was told to stop.
    pub stop: StopSettings,
    /// Time limit for a request to wait for a free instance, after which it is
    /// refused.
    pub queue_timeout: Duration,
    /// Settings of the releases that this node prepares.
    pub releases: ReleaseSettings,
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
    /// Maximum size of the replies that are kept, in bytes; 0 keeps none.
    pub reply_cache: u64,
    /// CORS rules for pages of other origins; none is allowed when absent.
    pub cors: Option<Cors>,
    /// Warnings for the operator about these settings, none of which prevents a
    /// start.
    pub warnings: Vec<String>,
}

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

    fn from_layers(layers: Layers) -> Result<Self, ConfigError> {
        let mut layers = layers.above(DEFAULTS);
        let settings = Self::take(&mut layers);
        settings.check_replicas(&mut layers);
        match layers.into_problems() {
            problems if problems.is_empty() => Ok(settings),
            problems => Err(ConfigError { problems }),
        }
    }

    /// Takes all settings out of `layers`. Those that are wrong have a default.
    fn take(layers: &mut Layers) -> Self {
        let data_dir: PathBuf = layers.take("data_dir", "data".into(), |text| Ok(text.into()));
        let (database_url, control_url) = take_urls(layers, &data_dir);
        let cors = Cors::take(layers);
        Self {
            listen: layers.take("listen", LISTEN.into(), address),
            tls: TlsSettings::take(layers),
            admin: AdminSettings::take(layers),
            data_dir,
            plugins: layers.take("plugins", Vec::new(), folders),
            mount_path: layers.take("mount_path", None, mount_path),
            database_url,
            control_url,
            databases: DatabaseSettings::take(layers),
            store_timeout: layers.take("store_timeout", Duration::from_secs(5), duration),
            redis_url: layers.take("redis_url", None, redis_url),
            mail: MailSettings::take(layers),
            region: layers.take("region", "local".into(), region),
            keys: KeySettings::take(layers),
            legacy_password_hashes: LegacyHashes::take(layers),
            plugin_config: Secret(take_plugin_config(layers)),
            production: layers.take("production", false, switch),
            seed: layers.take("seed", true, switch),
            log: LogSettings::take(layers),
            access_log: layers.take("access_log", AccessLog::All, access_log),
            traces: TraceSettings::take(layers),
            stop: StopSettings::take(layers),
            queue_timeout: layers.take("queue_timeout", Duration::from_millis(40), duration),
            releases: ReleaseSettings::take(layers),
            canary: CanaryLimits::take(layers),
            forget_after: ForgetAfter::take(layers),
            client: ClientLimits::take(layers),
            rate_limits: layers.take("rate_limits", true, switch),
            rate_limit: layers.take("rate_limit", Some(limits::DEFAULT_RATE), limits::rate),
            trusted_proxies: layers.take("trusted_proxies", TrustedProxies::default(), str::parse),
            compression: layers.take("compression", true, switch),
            reply_cache: layers.take("reply_cache", REPLY_CACHE, bytes_or_off),
            reply_headers: ReplyHeaders::take(layers, cors.is_some()),
            cors,
            value_files: layers.take_files(),
            warnings: layers.take_warnings(),
        }
    }
}
