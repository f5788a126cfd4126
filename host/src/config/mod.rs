//! What an operator can set: `edge.toml`, then `.env`, then the environment,
//! the later winning. Every wrong setting is reported, all at once.

mod check_urls;
mod client;
mod connections;
mod cors;
mod dotenv;
mod environment;
mod headers;
mod layers;
mod limits;
mod logs;
pub mod plugin_config;
mod plugins;
mod rollout;
pub mod secrets;
mod tls;
mod traces;
mod urls;
mod value_file;
mod values;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use check_urls::AllowedUrls;
pub use client::ClientLimits;
pub use connections::Lifetimes;
pub use cors::{Cors, Origins};
pub use headers::ReplyHeaders;
use layers::Layers;
pub use limits::{Rate, TrustedProxies};
use logs::access_log;
pub use logs::{AccessLog, LogFormat, LogSettings};
use plugin_config::{PluginConfig, Variable};
use plugins::{SHOP_VARIABLES, folders, shop};
pub use rollout::CanaryLimits;
use rollout::{MOST_ACTIVATION, activation, admin_tokens, region, registry_login, trusted_keys};
use secrets::{MasterSecret, SecretError, secret};
pub use tls::TlsSettings;
pub use traces::{Sampling, TraceSettings};
use urls::{admin_url, redis_url, smtp_url};
use values::{address, at_most_10_000, delay, duration, optional_address, switch};

/// Where a node keeps, finds and serves things.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Address of the shop's port. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Address of the operators' port; none to have none.
    pub admin_listen: Option<SocketAddr>,
    /// Tokens of operators, as `name:token` with commas between. The data
    /// folder has one of its own when absent.
    pub admin_tokens: Option<Hidden<String>>,
    /// The operators' port that commands such as `edge deploy` talk to; this
    /// machine's own node when absent.
    pub admin_url: Option<String>,
    /// The token that they show; this node's own when absent.
    pub admin_token: Option<Hidden<String>>,
    /// The port with TLS, if there is one.
    pub tls: Option<TlsSettings>,
    /// The login for registries, `user:password`, that `edge push` and
    /// `edge deploy` show; docker's own when absent.
    pub registry_login: Option<Hidden<String>>,
    /// Folder for everything that this node writes.
    pub data_dir: PathBuf,
    /// Folders of plugins, each with a `plugin.toml`; there may be none, for a
    /// node that serves what is deployed to it.
    pub plugins: Vec<PathBuf>,
    /// Database of every plugin that has no database of its own.
    pub database_url: String,
    /// What the shop's nodes agree on. A file of this node's own, unless the
    /// plugins' database is a server.
    pub control_url: String,
    /// Databases of single plugins, by plugin name (`DATABASE_URL_<NAME>`).
    pub plugin_database_urls: BTreeMap<String, String>,
    /// A replica of `database_url`, for queries that may see what was true a
    /// moment ago.
    pub database_replica_url: Option<String>,
    /// Replicas of single plugins' databases (`DATABASE_REPLICA_URL_<NAME>`).
    pub plugin_database_replica_urls: BTreeMap<String, String>,
    /// Connections to database servers of the whole node; each pool's own
    /// bound alone when absent.
    pub database_connections_total: Option<u32>,
    /// How long connections to database servers are kept.
    pub database_lifetimes: Lifetimes,
    /// How long one call of a request to a store may take, where the request
    /// has more time.
    pub store_timeout: Duration,
    /// Redis, or several URLs of one Redis Cluster; the node's own store and
    /// limiter when absent.
    pub redis_url: Option<String>,
    /// The mail server; mail goes to the log when absent.
    pub smtp_url: Option<String>,
    /// The sender of mail.
    pub mail_from: String,
    /// Names the nodes that share periodic work, and get releases together.
    pub region: String,
    /// The shop's secret, shared by its nodes; the data folder has one of its
    /// own when absent.
    pub secret: Option<Hidden<String>>,
    /// Another secret that verifies and does not sign: the next one before the
    /// secret is changed, and the one before afterwards.
    pub secret_fallback: Option<Hidden<String>>,
    /// Keys of tokens, as `kid:secret` with commas between: the first signs,
    /// all verify. One derived from the shop's secret when absent.
    pub token_keys: Option<Hidden<String>>,
    /// What is set for plugins, which read of it what their manifests ask for.
    pub plugin_config: Hidden<PluginConfig>,
    /// Whether real customers are served: then plugins are refused whose
    /// manifests name settings for that which are missing.
    pub production: bool,
    /// Whether plugins with empty tables fill them at start.
    pub seed: bool,
    /// How log lines are written, counted and kept.
    pub log: LogSettings,
    /// Which requests get an access line.
    pub access_log: AccessLog,
    /// Where traces go, and which.
    pub traces: TraceSettings,
    /// How long requests in flight may take to finish after SIGTERM.
    pub drain_timeout: Duration,
    /// How long a node that was told to stop still takes connections, while
    /// `/readyz` says that it takes none.
    pub unready_delay: Duration,
    /// How long a request waits for a free instance before it is refused.
    pub queue_timeout: Duration,
    /// How long a release may take to become ready on this node.
    pub activation_timeout: Duration,
    /// Bytes of compiled components that the data folder keeps.
    pub compiled_cache: u64,
    /// Instances that are reserved for plugins that come later.
    pub spare_instances: u32,
    /// Keys whose signature a release must have; without any, none.
    pub trusted_keys: Vec<String>,
    /// When a release on trial is withdrawn.
    pub canary: CanaryLimits,
    /// Bounds on what a client may send.
    pub client: ClientLimits,
    /// Requests of one client address on one node; without bounds when absent.
    pub rate_limit: Option<Rate>,
    /// Whether any rate limit is enforced, those of manifests included.
    pub rate_limits: bool,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// Header fields of every reply.
    pub reply_headers: ReplyHeaders,
    /// Whether replies are compressed for clients that accept it.
    pub compression: bool,
    /// What pages of other origins may do; nothing when absent.
    pub cors: Option<Cors>,
    /// What an operator should know of these settings, and that hinders
    /// nothing.
    pub warnings: Vec<String>,
}

/// A value that no debug output shows.
#[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Hidden<T>(pub T);

impl<T> fmt::Debug for Hidden<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// Everything that is wrong with the settings.
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
    /// Read the settings from `file` (which may be absent), the `.env` beside
    /// it, and the process's environment.
    ///
    /// # Errors
    /// Names every setting that is unknown or malformed.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let dotenv = file.with_file_name(".env");
        Self::from_layers(Layers::read(file, &dotenv, std::env::vars_os()))
    }

    /// The settings of a node for which nothing was set, with its data in
    /// `data_dir`.
    ///
    /// # Errors
    /// None in practice: a default that its own rule refuses is a bug, and
    /// the tests read them all.
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
            admin_token: layers.take("admin_token", None, |text| Ok(Some(Hidden(text.into())))),
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
            database_lifetimes: Lifetimes::take(&mut layers),
            store_timeout: layers.take("store_timeout", Duration::from_secs(5), duration),
            redis_url: layers.take("redis_url", None, redis_url),
            smtp_url: layers.take("smtp_url", None, smtp_url),
            mail_from: layers.take("mail_from", "shop@localhost".into(), |text| Ok(text.into())),
            region: layers.take("region", "local".into(), region),
            secret: layers.take("secret", None, secret),
            secret_fallback: layers.take("secret_fallback", None, secret),
            token_keys: layers.take("token_keys", None, |text| Ok(Some(Hidden(text.into())))),
            plugin_config: Hidden(plugin_config(&mut layers)),
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
            client: ClientLimits::take(&mut layers),
            rate_limits: layers.take("rate_limits", true, switch),
            rate_limit: layers.take("rate_limit", Some(limits::DEFAULT_RATE), limits::rate),
            trusted_proxies: layers.take("trusted_proxies", TrustedProxies::default(), str::parse),
            compression: layers.take("compression", true, switch),
            reply_headers: ReplyHeaders::take(&mut layers, cors.is_some()),
            cors,
            data_dir,
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

    /// The secret from which the shop's others are derived. Besides a fallback
    /// that was set, the one that this node made before it was given one counts.
    ///
    /// # Errors
    /// When the data folder's own cannot be read or made.
    pub fn master_secret(&self) -> Result<MasterSecret, SecretError> {
        let Some(Hidden(secret)) = &self.secret else {
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
            Some(Hidden(other)) => secret.with_fallback(&MasterSecret::of_setting(other)),
            None => secret,
        }
    }

    /// The database that `plugin` uses.
    #[must_use]
    pub fn database_url_of(&self, plugin: &str) -> &str {
        self.plugin_database_urls
            .get(&plugin.replace('-', "_"))
            .unwrap_or(&self.database_url)
    }

    /// The replica of the database that `plugin` uses, if it has one. That of
    /// all plugins' database is none of a plugin's own.
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

    /// Whether real customers seem to be served: the node is told so, or it
    /// serves by TLS, or uses a database server.
    #[must_use]
    pub fn looks_like_production(&self) -> bool {
        let is_server = |url: &String| !url.starts_with("sqlite:");
        self.production
            || self.tls.is_some()
            || is_server(&self.database_url)
            || self.plugin_database_urls.values().any(is_server)
    }

    /// Whether any database has a replica.
    #[must_use]
    pub fn has_replicas(&self) -> bool {
        self.database_replica_url.is_some() || !self.plugin_database_replica_urls.is_empty()
    }
}

/// The shop's own variables are there whatever the operator adds: a payment
/// plugin that no longer reads its key would charge nobody.
fn plugin_config(layers: &mut Layers) -> PluginConfig {
    let added = layers.take("plugin_variables", Vec::new(), plugin_config::variables);
    let shop = SHOP_VARIABLES.map(|(plugin, key)| Variable::new(plugin, key));
    let variables: Vec<_> = shop.into_iter().chain(added).collect();
    let mut config = layers.take_plugin_config();
    for problem in config.read_files(variables.iter()) {
        layers.complain(&problem);
    }
    config.reserve(variables)
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn settings(toml: &str, dotenv: &str, env: &[(&str, &str)]) -> Result<Settings, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("edge.toml");
        std::fs::write(&file, toml).expect("edge.toml");
        std::fs::write(folder.path().join(".env"), dotenv).expect(".env");
        let env = env.iter().map(|(k, v)| ((*k).into(), (*v).into()));
        Settings::from_layers(Layers::read(&file, &folder.path().join(".env"), env))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn later_layers_win() {
        let toml = "listen = \"127.0.0.1:1\"\nseed = false\naccess_log = \"off\"";
        let dotenv = "EDGE_LISTEN=127.0.0.1:2\nEDGE_ACCESS_LOG=errors";
        let settings = settings(toml, dotenv, &[("EDGE_LISTEN", "127.0.0.1:3")]).expect("valid");
        assert_eq!(settings.listen.port(), 3);
        assert_eq!(settings.access_log, AccessLog::Errors);
        assert!(!settings.seed);
    }

    #[test]
    fn nothing_set_is_a_whole_configuration() {
        let settings = settings("", "", &[]).expect("valid");
        assert_eq!(settings.database_url, "sqlite://data/shop.sqlite");
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let toml = "listen = \"here\"\ncolour = 3\nmax_uri = 99999999\n\
                    database_max_lifetime = \"5ms\"";
        let error = settings(toml, "", &[("EDGE_LOG_FORMAT", "xml"), ("EDGE_LISTN", "x")])
            .expect_err("six are wrong");
        for key in [
            "listen",
            "colour",
            "max_uri",
            "database_max_lifetime",
            "EDGE_LOG_FORMAT",
            "EDGE_LISTN",
        ] {
            assert!(error.contains(key), "{key} is missing in: {error}");
        }
        assert!(error.starts_with("6 wrong"), "{error}");
    }

    #[test]
    fn single_header_fields_are_set_or_left_out() {
        let names = |toml: &str| -> Vec<String> {
            let settings = settings(toml, "", &[]).expect(toml);
            let fields = settings.reply_headers.fields(&HeaderMap::new()).iter();
            fields.map(|(name, _)| name.to_string()).collect()
        };
        assert_eq!(names("").len(), 12);
        assert_eq!(names("security_headers = false").len(), 0);
        assert_eq!(names("security_headers = \"api\"").len(), 5);
        let table = "[headers]\nX-Frame-Options = \"\"\nx-xss-protection = 1\n\
                     permissions-policy = \"geolocation=()\"";
        let own = names(table);
        assert_eq!(own.len(), 12, "one less, one more");
        assert!(!own.contains(&"x-frame-options".to_owned()));
        let alone = names(&format!("security_headers = \"off\"\n{table}"));
        assert_eq!(alone, ["permissions-policy", "x-xss-protection"]);

        let wrong = "[headers]\nx-frame-option = \"DENY\"\nreferrer-policy = \"a\\nb\"";
        let error = settings(wrong, "", &[]).expect_err("two are wrong");
        assert!(error.contains("headers.x-frame-option (in "), "{error}");
        assert!(error.contains("headers.referrer-policy (in "), "{error}");
    }

    #[test]
    fn values_for_plugins_are_read_from_every_layer() {
        let toml = "[config]\nALL = 1\nKEY = 'file'\n[config.my-shop]\nKEY = 'own'";
        let dotenv = "EDGE_CONFIG_MY_SHOP__OTHER=dotenv";
        let env = [("EDGE_CONFIG_MY_SHOP__OTHER", "environment")];
        let config = settings(toml, dotenv, &env).expect("valid").plugin_config.0;
        assert_eq!(config.get("my-shop", "ALL"), Some("1"));
        assert_eq!(config.get("my-shop", "KEY"), Some("own"));
        assert_eq!(config.get("other", "KEY"), Some("file"));
        assert_eq!(config.get("my-shop", "OTHER"), Some("environment"));

        let wrong = [("EDGE_CONFIG_MY_SHOP_OTHER", "hunter2")];
        let error = settings("", "", &wrong).expect_err("one underscore");
        assert!(error.contains("EDGE_CONFIG_MY_SHOP_OTHER"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
        let nested = settings("[config.a]\nb = { c = 1 }", "", &[]).expect_err("a table");
        assert!(nested.contains("config.a.b"), "{nested}");
    }

    #[test]
    fn any_origin_has_no_credentials() {
        let env = [("EDGE_CORS_ORIGINS", "*")];
        let any = settings("", "", &env).expect("valid").cors.expect("set");
        assert_eq!(any.origins, Origins::Any);
        let error = settings("cors_credentials = true", "", &env).expect_err("both");
        assert!(error.contains("cors_credentials"), "{error}");
        let listed = "cors_credentials = true\ncors_origins = [\"https://shop.example\"]";
        assert!(settings(listed, "", &[]).expect("valid").cors.is_some());
    }

    #[test]
    fn traces_are_set_by_the_names_that_opentelemetry_gives() {
        let env = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=hunter2"),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
            ("OTEL_METRICS_EXPORTER", "none"),
        ];
        let traces = settings("", "", &env).expect("valid").traces;
        assert_eq!(traces.sampling, Sampling::ParentOrPart(0.25));
        assert!(traces.endpoint.is_some() && !format!("{traces:?}").contains("hunter2"));
        let off = "otel_sdk_disabled = true";
        assert!(
            settings(off, "", &env)
                .expect("valid")
                .traces
                .endpoint
                .is_none()
        );

        let wrong = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "hunter2"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
            ("OTEL_SDK_DISABLED", "2"),
            ("OTEL_TRACES_EXPORTER", "jaeger"),
            ("OTEL_TRACES_SAMPLER", "sometimes"),
            ("OTEL_TRACES_SAMPLER_ARG", "2"),
        ];
        let settings = settings("", "", &wrong).expect("a node that serves");
        assert_eq!(settings.traces.sampling, Sampling::ParentOrAlways);
        let warnings = settings.warnings.join("\n");
        assert_eq!(settings.warnings.len(), wrong.len(), "{warnings}");
        assert!(!warnings.contains("hunter2"), "{warnings}");
        for (name, _) in wrong {
            assert!(warnings.contains(name), "{name} is missing in: {warnings}");
        }
    }

    #[test]
    fn traces_follow_the_specification_of_their_variables() {
        let collector = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
        let traces = |more: &[(&str, &str)]| {
            let all = [&[collector], more].concat();
            settings("", "", &all).expect("valid")
        };
        let endpoint = |more: &[(&str, &str)]| {
            let endpoint = traces(more).traces.endpoint;
            endpoint.map(|endpoint| endpoint.to_string())
        };
        let there = Some("http://collector:4318/v1/traces".to_owned());
        for alike in [
            ("OTEL_SDK_DISABLED", ""),
            ("OTEL_SDK_DISABLED", "FALSE"),
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ] {
            assert_eq!(endpoint(&[alike]), there, "{alike:?}");
        }
        for off in [
            ("OTEL_SDK_DISABLED", "True"),
            ("OTEL_TRACES_EXPORTER", "none"),
        ] {
            assert_eq!(endpoint(&[off]), None, "{off:?}");
            assert_eq!(traces(&[off]).warnings, [""; 0], "{off:?}");
        }
        let own = (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "http://traces:4318/own",
        );
        assert_eq!(endpoint(&[own]).as_deref(), Some(own.1));
        let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
        assert_eq!(endpoint(&[grpc]), None);
        assert_eq!(traces(&[grpc]).warnings.len(), 1);
        let nowhere = settings("", "", &[grpc]).expect("valid");
        assert_eq!(
            nowhere.warnings, [""; 0],
            "there is no collector to speak to"
        );
        let for_traces = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf");
        assert_eq!(endpoint(&[grpc, for_traces]), there);
    }

    #[test]
    fn what_others_set_is_no_setting() {
        let env = [
            ("EDGE_SERVICE_HOST", "10.96.0.12"),
            ("EDGE_SERVICE_PORT_HTTP", "8080"),
            ("EDGE_PORT", "tcp://10.96.0.12:8080"),
            ("EDGE_PORT_8080_TCP_ADDR", "10.96.0.12"),
            ("EDGE_LISTEN", ""),
            ("REDIS_URL", ""),
            ("REDIS_URL_CACHE", "redis://elsewhere"),
            ("DATABASE_URL", ""),
        ];
        let settings = settings("", "EDGE_REGION=\n", &env).expect("valid");
        assert_eq!(settings.listen.port(), 8080);
        assert_eq!(settings.redis_url, None);
        assert_eq!(settings.region, "local");
    }

    #[test]
    fn a_misspelt_setting_is_told_the_right_name() {
        for (name, meant) in [
            ("EDGE_LISTN", "EDGE_LISTEN"),
            ("EDGE_QUEUE_TIMOUT", "EDGE_QUEUE_TIMEOUT"),
            ("EDGE_PORT", "EDGE_"),
        ] {
            let error = settings("", "", &[(name, "1")]).expect_err(name);
            assert!(
                error.contains(&format!("{name} (in the environment)")),
                "{error}"
            );
            let is_told = error.contains(&format!("is {meant} meant?"));
            assert!(is_told || meant == "EDGE_", "{error}");
        }
        let error = settings("listn = 1", "", &[]).expect_err("no such key");
        assert!(error.contains("is listen meant?"), "{error}");
        let error = settings("colour = 1", "", &[]).expect_err("no such key");
        assert!(!error.contains("meant"), "{error}");
    }

    #[test]
    fn a_value_can_be_in_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("a file");
            path.display().to_string()
        };
        let database = path("database", "mysql://shop:hunter2@db/shop\n");
        let stripe = path("stripe", "sk_test_1\r\n");
        let own = path("own", "first\nsecond\n");
        let env = [
            ("DATABASE_URL_FILE", &*database),
            ("STRIPE_SECRET_KEY_FILE", &*stripe),
            ("EDGE_CONFIG_ORDER__CART_ITEM_KEY_FILE", &*own),
        ];
        let read = settings("", "", &env).expect("valid");
        assert_eq!(read.database_url, "mysql://shop:hunter2@db/shop");
        let config = &read.plugin_config.0;
        assert_eq!(
            config.get("payment", "STRIPE_SECRET_KEY"),
            Some("sk_test_1")
        );
        assert_eq!(config.get("order", "CART_ITEM_KEY"), Some("first\nsecond"));

        let both = [env[0], ("DATABASE_URL", "sqlite://x")];
        let error = settings("", "", &both).expect_err("both");
        assert!(error.contains("are both set"), "{error}");
        let missing = [
            ("EDGE_SECRET_FILE", "/nowhere/secret"),
            ("STRIPE_SECRET_KEY_FILE", "/nowhere/stripe"),
        ];
        let error = settings("", "", &missing).expect_err("no files");
        assert!(error.contains("2 wrong"), "{error}");
        for (name, file) in missing {
            assert!(error.contains(name) && error.contains(file), "{error}");
        }
    }

    #[test]
    fn tls_needs_all_of_its_settings() {
        let all = "tls_listen = \"127.0.0.1:0\"\ntls_certificate = \"a\"\ntls_key = \"b\"";
        assert!(settings(all, "", &[]).expect("valid").tls.is_some());
        let error = settings("tls_key = \"b\"", "", &[]).expect_err("one of three");
        assert!(error.contains("tls_listen"), "{error}");
    }

    #[test]
    fn a_plugin_can_have_a_database_of_its_own_and_no_message_shows_a_password() {
        let env = [("DATABASE_URL_PRODUCT", "mysql://shop:secret@db/shop")];
        let both = settings("", "", &env).expect("valid");
        assert_eq!(
            both.database_url_of("product"),
            "mysql://shop:secret@db/shop"
        );
        assert_eq!(both.database_url_of("order"), "sqlite://data/shop.sqlite");
        assert_eq!(both.database_replica_url_of("order"), None);
        let error = settings("", "", &[("DATABASE_URL", "postgres://u:secret@db")]).expect_err("");
        assert!(
            error.contains("DATABASE_URL") && !error.contains("secret"),
            "{error}"
        );
    }

    #[test]
    fn a_replica_is_one_of_the_database_that_a_plugin_uses() {
        let env = [
            ("DATABASE_URL", "mysql://db/shop"),
            ("DATABASE_REPLICA_URL", "mysql://replica/shop"),
            ("DATABASE_URL_PRODUCT", "mysql://db/catalog"),
            ("DATABASE_URL_ORDER", "mysql://db/orders"),
            ("DATABASE_REPLICA_URL_ORDER", "mysql://replica/orders"),
        ];
        let settings = settings("", "", &env).expect("valid");
        let replica = |plugin| settings.database_replica_url_of(plugin);
        assert_eq!(replica("customer"), Some("mysql://replica/shop"));
        assert_eq!(replica("product"), None);
        assert_eq!(replica("order"), Some("mysql://replica/orders"));
    }

    #[test]
    fn a_file_has_no_replica() {
        let replica = [("DATABASE_REPLICA_URL", "mysql://u:secret@replica/shop")];
        let error = settings("", "", &replica).expect_err("the database is a file");
        assert!(error.contains("database_replica_url"), "{error}");
        let file = [("DATABASE_REPLICA_URL", "sqlite://secret")];
        let error = settings("database_url = \"mysql://db/shop\"", "", &file).expect_err("a file");
        assert!(error.contains("DATABASE_REPLICA_URL"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}
