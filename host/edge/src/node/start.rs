//! Start of a node: from its settings to ports that are bound and plugins that are ready.

use std::sync::Arc;

use stores::redis::warn_of_eviction;
use stores::wakeups::Wakeups;

use super::Node;
use super::admin_token::admin_tokens;
use super::error::StartError;
use super::loaded::Loaded;
use super::retry::load_once_possible;
use crate::admin::Admin;
use crate::config::Settings;
use crate::ingress::{Behind, CanaryRouting, RateLimits, Server, Service};
use crate::rollout::check::Checks;
use crate::rollout::{
    NodeConnections, NodeName, Notifier, Reconciler, ReleaseThresholds, RolloutController,
    replace_incarnation,
};
use crate::telemetry::NodeWarnings;
use crate::telemetry::traces::Traces;

/// Prefix of the host's own keys in Redis.
const PREFIX: &str = "edge";

impl Node {
    /// Binds the shop's ports, compiles and warms every plugin, and migrates their tables.
    ///
    /// # Errors
    /// When anything is wrong; the first such error names the file or URL.
    pub async fn start(settings: &Settings) -> Result<Self, StartError> {
        let warnings = Arc::new(NodeWarnings::default());
        let server = Server::bind(settings, warnings.clone())?;
        let admin = bind_admin(settings, &warnings)?;
        let (server, mut loaded) = load_once_possible(settings, server, &warnings).await?;
        for release in loaded.releases() {
            release.log_warnings();
        }
        loaded.adopt().await?;
        if settings.seed {
            loaded.fill_empty_tables().await?;
        }
        let notifier = notifier(settings)?;
        let rate_limits = RateLimits::new(loaded.services.limiter().clone(), settings.rate_limit)?;
        let name = NodeName {
            node: loaded.node.clone(),
            region: settings.region.clone(),
            address: server.address().to_string(),
        };
        let traces = Traces::open(&settings.traces, &name.region, &name.node)?;
        let connections = Arc::new(connections(&loaded));
        let reconciler = Arc::new(reconciler(&mut loaded, name, &notifier, &connections).await);
        let service =
            service(&loaded, rate_limits, &notifier, &reconciler).with_traces(traces.clone());
        Ok(Self {
            controller: controller(&loaded, &notifier, &reconciler)?,
            tokens: admin_tokens(settings)?,
            service: Arc::new(service),
            server,
            admin,
            reconciler,
            connections,
            notifier,
            traces,
            loaded,
        })
    }
}

fn bind_admin(
    settings: &Settings,
    warnings: &Arc<NodeWarnings>,
) -> Result<Option<Admin>, StartError> {
    let timeout = settings.client.idle_timeout;
    let admin = settings.admin.listen;
    let admin = admin.map(|address| Admin::bind(address, timeout, warnings.clone()));
    Ok(admin.transpose()?)
}

/// Returns the notifier of changes, which reaches other nodes where there is a Redis. A Redis that
/// may evict keys is warned of in the background.
fn notifier(settings: &Settings) -> Result<Arc<Notifier>, StartError> {
    let urls = settings.redis_url.as_deref();
    let urls = urls.map(|urls| settings.value_files.source(urls));
    if let Some(urls) = &urls {
        tokio::spawn(warn_of_eviction(urls.clone()));
    }
    let wakeups = urls.map(|urls| Wakeups::open(urls, PREFIX)).transpose()?;
    Ok(Notifier::new(&settings.region, wakeups))
}

fn connections(loaded: &Loaded) -> NodeConnections {
    NodeConnections::new(
        loaded.control.clone(),
        loaded.live.clone(),
        loaded.services.clone(),
        loaded.settings.databases.connections_total,
    )
}

/// Returns the reconciler, which knows the plugins that are deferred, and the node of the data
/// folder's last run, in whose place this one is.
async fn reconciler(
    loaded: &mut Loaded,
    name: NodeName,
    notifier: &Arc<Notifier>,
    connections: &Arc<NodeConnections>,
) -> Reconciler {
    let data_dir = &loaded.settings.data_dir;
    let replaced = replace_incarnation(&loaded.control, data_dir, &name.node).await;
    let reconciler = Reconciler::new(
        name,
        loaded.control.clone(),
        loaded.activator.clone(),
        loaded.live.clone(),
        notifier.clone(),
    );
    let reconciler = reconciler
        .with_warnings(loaded.warnings.clone())
        .with_keys(loaded.keys.clone())
        .in_place_of(replaced)
        .with_connections(connections.clone());
    for deferred in std::mem::take(&mut loaded.deferred) {
        reconciler.note_deferred(deferred);
    }
    reconciler
}

/// Returns the service of the shop's ports.
fn service(
    loaded: &Loaded,
    rate_limits: RateLimits,
    notifier: &Arc<Notifier>,
    reconciler: &Arc<Reconciler>,
) -> Service {
    let services = &loaded.services;
    let canaries = CanaryRouting::new(services.cohort_key(), notifier.clone());
    let canaries = canaries.accepting(services.cohort_key_fallbacks());
    let (live, identity) = (loaded.live.clone(), services.identity().clone());
    Service::new(live, canaries, rate_limits, identity, &loaded.settings)
        .with_clock(services.clock().clone())
        .with(Behind {
            services: services.clone(),
            follower: reconciler.clone(),
            warnings: loaded.warnings.clone(),
        })
        .with_readiness(reconciler.readiness().clone())
}

/// Returns the controller that leads rollouts while no other node does.
fn controller(
    loaded: &Loaded,
    notifier: &Arc<Notifier>,
    reconciler: &Reconciler,
) -> Result<RolloutController, StartError> {
    let settings = &*loaded.settings;
    let canary = &settings.canary;
    let checks = Checks::new(canary.check_urls.clone(), canary.check_interval)?;
    let controller = RolloutController::new(
        loaded.node.clone(),
        loaded.control.clone(),
        notifier.clone(),
        release_thresholds(settings),
        settings.into(),
        Arc::new(checks),
        reconciler.decisions().clone(),
    );
    Ok(controller.forgetting_regions_after(settings.forget_after.region))
}

fn release_thresholds(settings: &Settings) -> ReleaseThresholds {
    ReleaseThresholds {
        requests: settings.canary.requests,
        errors: f64::from(settings.canary.error_percent) / 100.0,
        latency: settings.canary.latency_ratio,
    }
}
