//! A node: everything put together, from settings to a port that serves.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::admin::{Admin, AdminError, AdminTokens, Office, TokensError};
use crate::config::secrets::{self, SecretError};
use crate::config::{Hidden, Settings};
use crate::ingress::{Behind, RateLimits, Server, ServerError, Service, Trials};
use crate::rollout::bundle::TrustedKeys;
use crate::rollout::check::{Checks, ChecksError};
use crate::rollout::control::{Control, ControlError};
use crate::rollout::{
    Activator, AdoptError, Deferred, Deployed, Desired, Driver, Follower, KeyRings, Keys,
    KeysError, Live, LoadError, Loader, Margins, MigrationError, Migrator, MissingPlugin,
    NodeConnections, NodeName, Release, Scheduler, SeedError, Services, ServicesError, Source,
    Trial, UnfitError, Wake, replace_incarnation, runtime_for, token_keys,
};
use crate::runtime::artifacts::Artifacts;
use crate::runtime::compiled_cache;
use crate::runtime::{EngineError, Runtime};
use crate::stores::limiter::PolicyError;
use crate::stores::redis::{UrlError, warn_of_eviction};
use crate::stores::wakeups::Wakeups;
use crate::telemetry::NodeWarnings;
use crate::telemetry::traces::{CollectorError, Traces};

/// How long a piece of periodic work may take to finish when the node stops.
const TASK_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the databases may take to close their connections: one that hangs
/// must not keep a node from ending.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The first pause before a control database that did not answer is asked
/// again, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often the compiled components on disk are bounded.
const EVICT: Duration = Duration::from_secs(600);

/// What the names of the host's own things in Redis begin with.
const PREFIX: &str = "edge";

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder, or a secret in it.
    #[error("the data folder cannot be used: {0}")]
    Data(#[from] SecretError),
    /// The shop's port.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The operators' port.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// Their tokens.
    #[error("admin_tokens {0}")]
    Tokens(#[from] TokensError),
    /// The runtime.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A plugin.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// What plugins share.
    #[error(transparent)]
    Services(#[from] ServicesError),
    /// The control database.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// Keys that do not fit those of the shop's other nodes.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// What to serve.
    #[error(transparent)]
    Adopt(#[from] AdoptError),
    /// A trusted key.
    #[error("trusted_keys {0}")]
    TrustedKey(#[from] crate::rollout::bundle::KeyTextError),
    /// Plugins that do not fit together.
    #[error(transparent)]
    Unfit(#[from] UnfitError),
    /// Redis.
    #[error(transparent)]
    Redis(#[from] UrlError),
    /// The node's own rate limit.
    #[error("rate_limit: {0}")]
    RateLimit(#[from] PolicyError),
    /// A plugin's migrations.
    #[error(transparent)]
    Migrate(#[from] Arc<MigrationError>),
    /// A plugin's starter data.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// The collector of traces.
    #[error(transparent)]
    Collector(#[from] CollectorError),
    /// Outside checks of canaries.
    #[error(transparent)]
    Checks(#[from] ChecksError),
}

impl StartError {
    /// Whether the control database did not answer: the same attempt may well
    /// succeed later.
    fn is_transient(&self) -> bool {
        match self {
            Self::Services(ServicesError::Revocations(error)) => error.is_transient(),
            Self::Control(error)
            | Self::Adopt(AdoptError::Control(error))
            | Self::Keys(KeysError::Control(error)) => error.is_transient(),
            _ => false,
        }
    }
}

/// A node that is ready: its port is taken, and opens with [`Node::run`].
pub struct Node {
    server: Server,
    admin: Option<Admin>,
    tokens: AdminTokens,
    service: Arc<Service>,
    loaded: Loaded,
    follower: Arc<Follower>,
    connections: Arc<NodeConnections>,
    driver: Driver,
    wake: Arc<Wake>,
    traces: Option<Arc<Traces>>,
}

impl Node {
    /// Compile and warm every plugin, bring their tables up to date, and take
    /// the shop's port.
    ///
    /// # Errors
    /// The first thing that is wrong, naming the file or URL at fault.
    pub async fn start(settings: &Settings) -> Result<Self, StartError> {
        let warnings = Arc::new(NodeWarnings::default());
        let server = Server::bind(settings, warnings.clone())?;
        let patience = settings.client.idle_timeout;
        let admin = settings.admin_listen;
        let admin = admin.map(|address| Admin::bind(address, patience));
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
        if let Some(urls) = shared {
            tokio::spawn(warn_of_eviction(urls.to_owned()));
        }
        let shared = shared.map(|urls| Wakeups::open(urls, PREFIX));
        let wake = Wake::new(&settings.region, shared.transpose()?);
        let Loaded {
            services,
            live,
            control,
            activator,
            ..
        } = &loaded;
        let rate_limits = RateLimits::new(services.limiter().clone(), settings.rate_limit)?;
        let trials =
            Trials::new(services.draw_key(), wake.clone()).accepting(services.draw_fallbacks());
        let identity = services.identity().clone();
        let name = NodeName {
            node: loaded.node.clone(),
            region: settings.region.clone(),
            address: server.address().to_string(),
        };
        replace_incarnation(control, &settings.data_dir, &name.node).await;
        let traces = Traces::open(&settings.traces, &name.region, &name.node)?;
        let service = Service::new(live.clone(), trials, rate_limits, identity, settings)
            .with_clock(services.clock().clone())
            .with_traces(traces.clone());
        let node_name = name.node.clone();
        let connections = Arc::new(NodeConnections::new(
            control.clone(),
            live.clone(),
            services.clone(),
            settings.database_connections_total,
        ));
        let follower = Follower::new(
            name,
            control.clone(),
            activator.clone(),
            live.clone(),
            wake.clone(),
        )
        .with_warnings(loaded.warnings.clone())
        .with_keys(loaded.keys.clone())
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
        let driver = Driver::new(
            node_name,
            control.clone(),
            wake.clone(),
            margins(settings),
            settings.into(),
            Arc::new(checks),
            follower.decisions().clone(),
        );
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

    /// Where the node serves.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Where it serves by TLS, if it does.
    #[must_use]
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.server.tls_address()
    }

    /// Where operators are served.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(Admin::address)
    }

    /// What the node serves.
    #[must_use]
    pub fn releases(&self) -> Vec<Arc<Release>> {
        self.loaded.releases()
    }

    /// Returns the plugins that the node should serve and does not.
    #[must_use]
    pub fn missing(&self) -> Vec<MissingPlugin> {
        self.follower.missing()
    }

    /// Serve until `stop`, then let requests in flight finish. Returns
    /// whether they all did in time.
    ///
    /// # Errors
    /// When the port cannot be opened.
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
            let office = Office {
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
        background.spawn(async move { connections.watch(&warnings).await });
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

/// Plugins that are ready, but do not serve.
pub struct Loaded {
    settings: Arc<Settings>,
    services: Arc<Services>,
    control: Arc<Control>,
    activator: Arc<Activator>,
    live: Arc<Live>,
    desired: Vec<Desired>,
    /// Plugins that could not be made ready, since a store did not answer.
    deferred: Vec<Deferred>,
    /// None of a command.
    keys: Option<Arc<Keys>>,
    // Also keeps the engines' epochs moving.
    runtime: Arc<Runtime>,
    warnings: Arc<NodeWarnings>,
    /// Names the node, until it ends.
    node: String,
}

/// Returns what `settings` ask for once the control database answers. While
/// it does not, the node's ports answer probes.
async fn load_once_possible(
    settings: &Settings,
    server: Server,
    warnings: &Arc<NodeWarnings>,
) -> Result<(Server, Loaded), StartError> {
    let first = load_or(settings, Role::Node, OnUnanswered::Defer, warnings).await;
    let Err(error) = first else {
        return Ok((server, first?));
    };
    if !error.is_transient() {
        return Err(error);
    }
    tracing::error!("nothing is served yet: {error}; the node waits and tries again");
    let loading = Box::pin(load_again(settings, warnings));
    let (server, loaded) = server.answer_probes_during(loading).await?;
    tracing::info!("the control database answers");
    Ok((server, loaded?))
}

async fn load_again(
    settings: &Settings,
    warnings: &Arc<NodeWarnings>,
) -> Result<Loaded, StartError> {
    let mut pause = FIRST_PAUSE;
    loop {
        tokio::time::sleep(pause).await;
        pause = LONGEST_PAUSE.min(pause * 2);
        match load_or(settings, Role::Node, OnUnanswered::Defer, warnings).await {
            Err(error) if error.is_transient() => tracing::warn!("still waiting: {error}"),
            loaded => return loaded,
        }
    }
}

/// What to do about a plugin one of whose stores does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnUnanswered {
    /// Give up: whoever asked needs every plugin.
    Fail,
    /// Serve the others, and try again.
    Defer,
}

impl OnUnanswered {
    /// Whether a plugin that failed to load for `error` may come later. One
    /// that the log knows has served: that its database refuses it now is no
    /// reason to stop the others.
    fn defers(self, desired: &Desired, error: &StartError) -> bool {
        let has_served = desired.folder.is_none();
        let may_pass = match error {
            StartError::Load(error) => {
                error.is_transient() || (has_served && error.is_about_database())
            }
            StartError::Migrate(error) => error.is_transient(),
            _ => false,
        };
        self == Self::Defer && may_pass
    }
}

/// What a process loads plugins for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// It is going to serve: its keys have to fit.
    Node,
    /// It runs a command, and signs nothing.
    Command,
}

/// The fingerprints of the keys that a node with these settings has.
///
/// # Errors
/// When the secret cannot be read, or a key is none.
pub fn key_rings(settings: &Settings) -> Result<KeyRings, ServicesError> {
    let master = settings.master_secret()?;
    let tokens = token_keys(settings, &master)?.ring();
    let secret = master.ring();
    Ok(KeyRings { secret, tokens })
}

/// Load every plugin of `settings`, without serving them.
///
/// # Errors
/// As [`Node::start`], and when a store of any plugin does not answer.
pub async fn load(settings: &Settings) -> Result<Loaded, StartError> {
    load_or(settings, Role::Command, OnUnanswered::Fail, &Arc::default()).await
}

async fn load_or(
    settings: &Settings,
    role: Role,
    on_unanswered: OnUnanswered,
    warnings: &Arc<NodeWarnings>,
) -> Result<Loaded, StartError> {
    make_data_folder(settings, warnings);
    let folders: Result<Vec<_>, LoadError> = settings
        .plugins
        .iter()
        .map(|folder| Ok((folder.clone(), Source::read(folder)?)))
        .collect();
    let folders = folders?;
    let keys: Result<_, _> = settings
        .trusted_keys
        .iter()
        .map(|key| key.parse())
        .collect();
    let trusted = TrustedKeys(keys?);
    let settings = Arc::new(settings.clone());
    let services = Arc::new(Services::open(&settings).await?);
    let control = Arc::new(
        Control::open(
            services.databases(),
            &settings.control_url,
            services.clock().clone(),
        )
        .await?,
    );
    // Before anything is changed in the shop's databases.
    let keys = match role {
        Role::Node => Some(Arc::new(Keys::join(key_rings(&settings)?, &control).await?)),
        Role::Command => None,
    };
    let desired = Desired::of(&control, &settings.region, folders, &trusted).await?;

    let sources = desired.iter().flat_map(Desired::sources);
    let runtime = Arc::new(runtime_for(sources, settings.spare_instances)?);
    let artifacts = Arc::new(Artifacts::new(&settings.data_dir, warnings.clone()));
    let loader = Arc::new(Loader::new(
        settings.clone(),
        runtime.clone(),
        artifacts,
        services.clone(),
    ));
    let node = format!("{:08x}", rand::random::<u32>());
    let migrator = Migrator::new(
        control.clone(),
        loader.clone(),
        node.clone(),
        settings.region.clone(),
    );
    let live = Arc::new(Live::new(runtime.directory().clone()));
    let (mut deployed, mut deferred) = (Vec::new(), Vec::new());
    for plugin in &desired {
        match deploy(&loader, &migrator, plugin).await {
            Ok(one) => deployed.push(one),
            Err(error) if on_unanswered.defers(plugin, &error) => {
                deferred.push(defer(plugin, &error));
            }
            Err(error) => return Err(error),
        }
    }
    let named = |plugin: Deployed| (plugin.name().to_owned(), Arc::new(plugin));
    let from_folders = desired.iter().all(|plugin| plugin.folder.is_some());
    let from_folders = from_folders && deferred.is_empty();
    live.begin(deployed.into_iter().map(named).collect(), from_folders)?;
    let activator = Activator::new(
        control.clone(),
        loader,
        migrator,
        settings.activation_timeout,
        trusted,
        settings.seed,
        live.clone(),
    );
    Ok(Loaded {
        settings,
        services,
        control,
        activator: Arc::new(activator),
        live,
        desired,
        deferred,
        keys,
        runtime,
        warnings: warnings.clone(),
        node,
    })
}

fn defer(desired: &Desired, error: &StartError) -> Deferred {
    let plugin = desired.plugin();
    tracing::error!(plugin, "not served yet: {error}; the node tries again");
    Deferred {
        plugin: plugin.to_owned(),
        revision: desired.revision,
        routes: desired.active.bundle.manifest.routes.clone(),
        error: error.to_string(),
    }
}

/// Makes the data folder, which a node whose stores and secrets are elsewhere
/// does without: whoever needs something in it fails with an error of its own.
fn make_data_folder(settings: &Settings, warnings: &NodeWarnings) {
    if let Err(error) = secrets::make_folder(&settings.data_dir) {
        let text = format!("the data folder cannot be made: {error}");
        warnings.raise("data-folder", text);
    }
}

async fn deploy(
    loader: &Loader,
    migrator: &Arc<Migrator>,
    desired: &Desired,
) -> Result<Deployed, StartError> {
    let active = ready(loader, migrator, &desired.active).await?;
    let trial = match desired.canary.as_ref().zip(desired.wanted.canary.as_ref()) {
        Some((source, wanted)) => {
            let release = ready(loader, migrator, source).await?;
            let thresholds = loader.thresholds();
            Some(Trial::new(release, wanted.percent, &active, thresholds))
        }
        None => None,
    };
    let (revision, wanted) = (desired.revision, desired.wanted.clone());
    Ok(Deployed::new(revision, wanted, active, trial))
}

/// A release whose tables are up to date.
async fn ready(
    loader: &Loader,
    migrator: &Arc<Migrator>,
    source: &Source,
) -> Result<Arc<Release>, StartError> {
    let release = Arc::new(loader.load(source).await?);
    migrator.ensure(&source.bundle, &migrator.author()).await?;
    Ok(release)
}

impl Loaded {
    /// The releases that are ready.
    #[must_use]
    pub fn releases(&self) -> Vec<Arc<Release>> {
        self.live.releases()
    }

    /// Write into the release log what came from folders.
    async fn adopt(&mut self) -> Result<(), StartError> {
        for desired in self
            .desired
            .iter()
            .filter(|desired| desired.folder.is_some())
        {
            let revision = desired.adopt(&self.control, &self.settings.region).await?;
            let mut deferred = self.deferred.iter_mut();
            if let Some(deferred) = deferred.find(|one| one.plugin == desired.plugin()) {
                deferred.revision = revision;
            }
            self.live.change(|plugins| {
                if let Some(plugin) = plugins.get_mut(desired.plugin()) {
                    *plugin = Arc::new(plugin.at_revision(revision));
                }
            })?;
        }
        Ok(())
    }

    async fn fill_empty_tables(&self) -> Result<(), SeedError> {
        for release in self.releases() {
            if release.plugin.exports().can_seed {
                let report = |done, total| log_progress(&release, done, total);
                release.seed(None, report).await?;
            }
        }
        Ok(())
    }

    fn begin_periodic_work(&self, traces: Option<Arc<Traces>>) {
        let scheduler = Scheduler::new(self.settings.clone(), self.services.clone(), traces);
        self.live.begin_periodic_work(scheduler);
    }

    /// Finish what runs, and let go of the databases.
    async fn close(self, node: &str) {
        self.live.end_periodic_work(TASK_TIMEOUT).await;
        let releases = self.releases();
        let closing = async {
            if let Err(error) = self.control.leave(node).await {
                tracing::debug!("this node could not say that it ends: {error}");
            }
            let databases = releases
                .iter()
                .filter_map(|release| release.database.as_ref());
            join_all(databases.map(|database| database.close())).await;
            self.control.close().await;
        };
        if tokio::time::timeout(CLOSE_TIMEOUT, closing).await.is_err() {
            tracing::warn!("a database does not let go of its connections; leaving them");
        }
    }
}

/// The name of the data folder's own token.
const OPERATOR: &str = "operator";

/// Where the data folder keeps its own token.
const ADMIN_TOKEN: &str = "admin-token";

fn admin_tokens(settings: &Settings) -> Result<AdminTokens, StartError> {
    match &settings.admin_tokens {
        Some(Hidden(text)) => Ok(AdminTokens::parse(text)?),
        None => Ok(AdminTokens::single(OPERATOR, &own_admin_token(settings)?)),
    }
}

/// The data folder's own token of an operator, made at random when it is
/// absent.
///
/// # Errors
/// When it cannot be read or written, or when other users could read it.
pub fn own_admin_token(settings: &Settings) -> Result<String, SecretError> {
    secrets::load_or_create(&settings.data_dir, ADMIN_TOKEN).map(hex::encode)
}

/// Keeps the compiled components on disk within their bound, for as long as
/// this is polled.
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

fn margins(settings: &Settings) -> Margins {
    Margins {
        requests: settings.canary.requests,
        errors: f64::from(settings.canary.error_percent) / 100.0,
        latency: settings.canary.latency_ratio,
    }
}

fn log_progress(release: &Release, done: u64, total: u64) {
    if total > 0 {
        tracing::info!(
            plugin = release.manifest.name,
            done,
            total,
            "filling tables"
        );
    }
}
