//! A node: everything put together, from settings to a port that serves.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join, join_all};

use crate::config::Settings;
use crate::config::secrets::{self, SecretError};
use crate::ingress::{RateLimits, RouteError, RouteTable, Server, ServerError, Service};
use crate::rollout::{
    LoadError, Loader, Release, Scheduler, SeedError, Services, ServicesError, Source, runtime_for,
};
use crate::runtime::artifacts::Artifacts;
use crate::runtime::{EngineError, Runtime, ServiceError};
use crate::stores::leases::{LeaseError, Leases};
use crate::stores::limiter::PolicyError;

/// How long a piece of periodic work may take to finish when the node stops.
const TASK_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the databases may take to close their connections: one that hangs
/// must not keep a node from ending.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder, or a secret in it.
    #[error("the data folder cannot be used: {0}")]
    Data(#[from] SecretError),
    /// The shop's port.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The runtime.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A plugin.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// What plugins share.
    #[error(transparent)]
    Services(#[from] ServicesError),
    /// Plugins that do not fit together.
    #[error(transparent)]
    Unfit(#[from] ServiceError),
    /// Periodic work.
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// The node's own rate limit.
    #[error("rate_limit: {0}")]
    RateLimit(#[from] PolicyError),
    /// The route table.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// A plugin's starter data.
    #[error(transparent)]
    Seed(#[from] SeedError),
}

/// A node that is ready: its port is taken, and opens with [`Node::run`].
pub struct Node {
    server: Server,
    service: Arc<Service>,
    releases: Vec<Arc<Release>>,
    leases: Option<Arc<Leases>>,
    drain: Duration,
    // Keeps the engine's epoch moving.
    _runtime: Runtime,
}

impl Node {
    /// Compile and warm every plugin, bring their tables up to date, and take
    /// the shop's port.
    ///
    /// # Errors
    /// The first thing that is wrong, naming the file or URL at fault.
    pub async fn start(settings: &Settings) -> Result<Self, StartError> {
        let server = Server::bind(settings)?;
        let Loaded {
            runtime,
            services,
            releases,
        } = load(settings).await?;
        if settings.seed {
            for release in releases
                .iter()
                .filter(|release| release.plugin.exports().can_seed)
            {
                release
                    .seed(None, |done, total| log_progress(release, done, total))
                    .await?;
            }
        }
        let leases = leases(settings, &services, &releases).await?;
        let routes = RouteTable::new(&releases)?;
        let rate_limits = RateLimits::new(services.limiter().clone(), settings.rate_limit)?;
        let identity = services.identity().clone();
        let service = Service::new(routes, rate_limits, identity, settings)
            .with_buckets(services.buckets_store());
        let service = Arc::new(service);
        let drain = settings.drain_timeout;
        Ok(Self {
            server,
            service,
            releases,
            leases,
            drain,
            _runtime: runtime,
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

    /// What the node serves.
    #[must_use]
    pub fn releases(&self) -> &[Arc<Release>] {
        &self.releases
    }

    /// Serve until `stop`, then let requests in flight finish. Returns
    /// whether they all did in time.
    ///
    /// # Errors
    /// When the port cannot be opened, or the periodic work not be begun.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<bool, StartError> {
        let scheduler = match &self.leases {
            Some(leases) => Some(Scheduler::start(&self.releases, leases.clone()).await?),
            None => None,
        };
        let drained = self.server.run(self.service, stop, self.drain).await?;
        if let Some(scheduler) = scheduler {
            scheduler.stop(TASK_TIMEOUT).await;
        }
        let databases = self
            .releases
            .iter()
            .filter_map(|release| release.database.as_ref());
        let leases = self.leases.iter().map(|leases| leases.close());
        let closing = join_all(databases.map(|database| database.close()));
        let closing = join(closing, join_all(leases));
        if tokio::time::timeout(CLOSE_TIMEOUT, closing).await.is_err() {
            tracing::warn!("a database does not let go of its connections; leaving them");
        }
        Ok(drained)
    }
}

/// The region's leases, if any plugin has periodic work.
async fn leases(
    settings: &Settings,
    services: &Services,
    releases: &[Arc<Release>],
) -> Result<Option<Arc<Leases>>, LeaseError> {
    if releases
        .iter()
        .all(|release| release.manifest.schedule.is_empty())
    {
        return Ok(None);
    }
    let leases = Leases::open(
        services.databases(),
        &settings.database_url,
        &settings.region,
    )
    .await?;
    Ok(Some(Arc::new(leases)))
}

/// Plugins that are ready, but do not serve.
pub struct Loaded {
    /// Keeps the engines' epochs moving.
    pub runtime: Runtime,
    /// What the plugins share.
    pub services: Services,
    /// The plugins.
    pub releases: Vec<Arc<Release>>,
}

/// Load every plugin of `settings`, without serving them.
///
/// # Errors
/// As [`Node::start`].
pub async fn load(settings: &Settings) -> Result<Loaded, StartError> {
    secrets::make_folder(&settings.data_dir)?;
    let sources: Result<Vec<Source>, LoadError> = settings
        .plugins
        .iter()
        .map(|folder| Source::read(folder))
        .collect();
    let sources = sources?;
    let runtime = runtime_for(&sources)?;
    let artifacts = Arc::new(Artifacts::open(&settings.data_dir)?);
    let services = Services::open(settings)?;
    let loader = Loader::new(settings, &runtime, artifacts, &services);
    let mut releases = Vec::new();
    for source in sources {
        releases.push(Arc::new(loader.load(source).await?));
    }
    let plugins: Vec<_> = releases.iter().map(|r| r.plugin.clone()).collect();
    runtime.directory().publish(&plugins)?;
    Ok(Loaded {
        runtime,
        services,
        releases,
    })
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
