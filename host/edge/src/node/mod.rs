//! A node, put together from its settings up to the ports that serve.

mod deploying;
mod loading;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use loading::load_once_possible;
pub use loading::{Loaded, key_rings, load};

use stores::limiter::PolicyError;
use stores::redis::{UrlError, warn_of_eviction};
use stores::sql::Obstacles;
use stores::wakeups::Wakeups;

use crate::admin::{Admin, AdminError, AdminState, AdminTokens, TokensError};
use crate::config::secrets::{self, SecretError};
use crate::config::{Secret, Settings};
use crate::ingress::{Behind, CanaryRouting, RateLimits, Server, ServerError, Service};
use crate::rollout::check::{Checks, ChecksError};
use crate::rollout::control::ControlError;
use crate::rollout::{
    AdoptError, BackendsError, IncompatibleError, KeysError, LoadError, MigrationError,
    MissingPlugin, NodeConnections, NodeName, Notifier, Reconciler, Release, ReleaseThresholds,
    RolloutController, SeedError, replace_incarnation,
};
use crate::runtime::EngineError;
use crate::runtime::engine::compiled_cache;
use crate::telemetry::traces::{CollectorError, Traces};
use crate::telemetry::{NodeWarnings, watch_log};

/// Time between two evictions from the compiled components on disk.
const EVICT: Duration = Duration::from_secs(600);

/// Prefix of the host's own keys in Redis.
const PREFIX: &str = "edge";

/// Error of starting a node.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder or a secret in it cannot be used.
    #[error("the data folder cannot be used: {0}")]
    Data(#[from] SecretError),
    /// The shop's ports cannot be bound, or the certificate cannot be used.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The operators' port cannot be bound.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The operators' tokens are malformed.
    #[error("admin_tokens {0}")]
    Tokens(#[from] TokensError),
    /// The WebAssembly engine cannot be set up.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A plugin cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A store that plugins share cannot be opened.
    #[error(transparent)]
    Backends(#[from] BackendsError),
    /// The control database cannot be used.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The keys of this node do not match those of the shop's other nodes.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The plugins to serve cannot be determined or written into the release log.
    #[error(transparent)]
    Adopt(#[from] AdoptError),
    /// A trusted key is malformed.
    #[error("trusted_keys {0}")]
    TrustedKey(#[from] bundle::KeyTextError),
    /// The plugins are not compatible with each other.
    #[error(transparent)]
    Incompatible(#[from] IncompatibleError),
    /// The URL of Redis is malformed.
    #[error(transparent)]
    Redis(#[from] UrlError),
    /// The node's own rate limit is not valid.
    #[error("rate_limit: {0}")]
    RateLimit(#[from] PolicyError),
    /// The migrations of a plugin failed.
    #[error(transparent)]
    Migrate(#[from] Arc<MigrationError>),
    /// Existing tables prevent the migrations of new plugins.
    #[error(transparent)]
    Tables(#[from] Obstacles),
    /// The empty tables of a plugin cannot be filled.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// The export of traces cannot be set up.
    #[error(transparent)]
    Collector(#[from] CollectorError),
    /// The external checks of canaries cannot be set up.
    #[error(transparent)]
    Checks(#[from] ChecksError),
}

impl StartError {
    /// Returns whether the control database did not answer, so that a retry may succeed.
    fn is_transient(&self) -> bool {
        match self {
            Self::Backends(BackendsError::Revocations(error)) => error.is_transient(),
            Self::Control(error)
            | Self::Adopt(AdoptError::Control(error))
            | Self::Keys(KeysError::Control(error)) => error.is_transient(),
            _ => false,
        }
    }
}

/// A node that is ready: its ports are bound, and open with [`Node::run`].
pub struct Node {
    server: Server,
    admin: Option<Admin>,
    tokens: AdminTokens,
    service: Arc<Service>,
    loaded: Loaded,
    follower: Arc<Reconciler>,
    connections: Arc<NodeConnections>,
    driver: RolloutController,
    wake: Arc<Notifier>,
    traces: Option<Arc<Traces>>,
}

impl Node {
    /// Binds the shop's ports, compiles and warms every plugin, and migrates their tables.
    ///
    /// # Errors
    /// When anything is wrong; the first such error names the file or URL.
    pub async fn start(settings: &Settings) -> Result<Self, StartError> {
        let warnings = Arc::new(NodeWarnings::default());
        let server = Server::bind(settings, warnings.clone())?;
        let patience = settings.client.idle_timeout;
        let admin = settings.admin_listen;
        let admin = admin.map(|address| Admin::bind(address, patience, warnings.clone()));
        let admin = admin.transpose()?;
        let (server, mut loaded) = load_once_possible(settings, server, &warnings).await?;
        for release in loaded.releases() {
            release.log_warnings();
        }
        loaded.adopt().await?;
        if settings.seed {
            loaded.fill_empty_tables().await?;
        }
        let deferred = std::mem::take(&mut loaded.deferred);
        let shared = settings.redis_url.as_deref();
        let shared = shared.map(|urls| settings.value_files.source(urls));
        if let Some(urls) = &shared {
            tokio::spawn(warn_of_eviction(urls.clone()));
        }
        let shared = shared.map(|urls| Wakeups::open(urls, PREFIX));
        let wake = Notifier::new(&settings.region, shared.transpose()?);
        let Loaded {
            services,
            live,
            control,
            activator,
            ..
        } = &loaded;
        let rate_limits = RateLimits::new(services.limiter().clone(), settings.rate_limit)?;
        let canaries = CanaryRouting::new(services.cohort_key(), wake.clone())
            .accepting(services.cohort_key_fallbacks());
        let identity = services.identity().clone();
        let name = NodeName {
            node: loaded.node.clone(),
            region: settings.region.clone(),
            address: server.address().to_string(),
        };
        let replaced = replace_incarnation(control, &settings.data_dir, &name.node).await;
        let traces = Traces::open(&settings.traces, &name.region, &name.node)?;
        let service = Service::new(live.clone(), canaries, rate_limits, identity, settings)
            .with_clock(services.clock().clone())
            .with_traces(traces.clone());
        let node_name = name.node.clone();
        let connections = Arc::new(NodeConnections::new(
            control.clone(),
            live.clone(),
            services.clone(),
            settings.database_connections_total,
        ));
        let follower = Reconciler::new(
            name,
            control.clone(),
            activator.clone(),
            live.clone(),
            wake.clone(),
        )
        .with_warnings(loaded.warnings.clone())
        .with_keys(loaded.keys.clone())
        .in_place_of(replaced)
        .with_connections(connections.clone());
        let follower = Arc::new(follower);
        for deferred in deferred {
            follower.note_deferred(deferred);
        }
        let service = service.with(Behind {
            services: loaded.services.clone(),
            follower: follower.clone(),
            warnings: loaded.warnings.clone(),
        });
        let canary = &settings.canary;
        let checks = Checks::new(canary.check_urls.clone(), canary.check_interval)?;
        let driver = RolloutController::new(
            node_name,
            control.clone(),
            wake.clone(),
            release_thresholds(settings),
            settings.into(),
            Arc::new(checks),
            follower.decisions().clone(),
        );
        let driver = driver.forgetting_regions_after(settings.forget_after.region);
        Ok(Self {
            server,
            admin,
            tokens: admin_tokens(settings)?,
            service: Arc::new(service.with_readiness(follower.readiness().clone())),
            follower,
            connections,
            driver,
            wake,
            traces,
            loaded,
        })
    }

    /// Returns the address of the shop's port without TLS.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns the address of the shop's port with TLS, if there is one.
    #[must_use]
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.server.tls_address()
    }

    /// Returns the address of the operators' port, if there is one.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(Admin::address)
    }

    /// Returns the active releases.
    #[must_use]
    pub fn releases(&self) -> Vec<Arc<Release>> {
        self.loaded.releases()
    }

    /// Returns the plugins that the node should serve and does not.
    #[must_use]
    pub fn missing(&self) -> Vec<MissingPlugin> {
        self.follower.missing()
    }

    /// Serves until `stop`, and then lets requests in flight finish. Returns whether they all did
    /// in time.
    ///
    /// # Errors
    /// When a port cannot be opened.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<bool, StartError> {
        let Self {
            server,
            admin,
            tokens,
            service,
            loaded,
            follower,
            connections,
            driver,
            wake,
            traces,
        } = self;
        loaded.begin_periodic_work(traces.clone());
        follower.decide_readiness().await;
        let mut background = JoinSet::new();
        let admin_stop = CancellationToken::new();
        if let Some(admin) = admin {
            let office = AdminState {
                control: loaded.control.clone(),
                activator: loaded.activator.clone(),
                runtime: loaded.runtime.clone(),
                live: loaded.live.clone(),
                follower: follower.clone(),
                wake: wake.clone(),
                production: loaded.settings.looks_like_production(),
                tokens,
                traffic: service.traffic().clone(),
                limiter: loaded.services.limiter().clone(),
                services: loaded.services.clone(),
                certificate: server.certificate(),
                counters: loaded.services.counters().clone(),
                traces: traces.clone(),
                thresholds: driver.thresholds(),
                checks: driver.checks().clone(),
                fleet_health: driver.fleet_health().clone(),
            };
            let office = Arc::new(office);
            let stop = admin_stop.clone();
            background.spawn(async move {
                if let Err(error) = admin.run(office, stop).await {
                    tracing::error!(%error, "operators cannot be served any more");
                }
            });
        }
        let listening = wake.clone();
        background.spawn(async move { listening.listen().await });
        background.spawn(async move { driver.drive().await });
        let following = follower.clone();
        background.spawn(async move { following.follow().await });
        let reporting = follower.clone();
        background.spawn(async move { reporting.report().await });
        let migrator = loaded.activator.migrator().clone();
        background.spawn(async move { migrator.take_over(&wake).await });

        let warnings = loaded.warnings.clone();
        let watched = connections.clone();
        background.spawn(async move { watched.watch(&warnings).await });
        let warnings = loaded.warnings.clone();
        background.spawn(async move { connections.watch_refusals(&warnings).await });
        let warnings = loaded.warnings.clone();
        background.spawn(async move { watch_log(&warnings).await });
        let settings = loaded.settings.clone();
        background.spawn(async move { bound_compiled_cache(&settings).await });

        let drain = loaded.settings.drain_timeout;
        let drained = server.run(service, stop, drain).await?;
        admin_stop.cancel();
        background.shutdown().await;
        loaded.close(&follower.name().node).await;
        if let Some(traces) = traces {
            traces.close().await;
        }
        Ok(drained)
    }
}

/// Name of the operator whose token is in the data folder.
const OPERATOR: &str = "operator";

/// File of the token in the data folder.
const ADMIN_TOKEN: &str = "admin-token";

fn admin_tokens(settings: &Settings) -> Result<AdminTokens, StartError> {
    match &settings.admin_tokens {
        Some(Secret(text)) => Ok(AdminTokens::parse(text)?),
        None => Ok(AdminTokens::single(OPERATOR, &own_admin_token(settings)?)),
    }
}

/// Returns the operator's token in the data folder, which is created at random if it does not
/// exist.
///
/// # Errors
/// When the token cannot be read or written, or when other users could read it.
pub fn own_admin_token(settings: &Settings) -> Result<String, SecretError> {
    secrets::load_or_create(&settings.data_dir, ADMIN_TOKEN).map(hex::encode)
}

/// Keeps the compiled components on disk within their size limit, for as long as the future is
/// polled.
async fn bound_compiled_cache(settings: &Settings) {
    loop {
        let (folder, limit) = (settings.data_dir.clone(), settings.compiled_cache);
        let evicting = tokio::task::spawn_blocking(move || compiled_cache::evict(&folder, limit));
        match evicting.await {
            Ok(Ok((0, _))) => {}
            Ok(Ok((files, bytes))) => {
                tracing::info!(
                    files,
                    bytes,
                    "compiled components were removed from the cache"
                );
            }
            Ok(Err(error)) => tracing::warn!("the cache of compiled components: {error}"),
            Err(error) => tracing::warn!("the cache of compiled components: {error}"),
        }
        tokio::time::sleep(EVICT).await;
    }
}

fn release_thresholds(settings: &Settings) -> ReleaseThresholds {
    ReleaseThresholds {
        requests: settings.canary.requests,
        errors: f64::from(settings.canary.error_percent) / 100.0,
        latency: settings.canary.latency_ratio,
    }
}
