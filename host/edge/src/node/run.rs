//! Serving of a node until it is told to stop, with its work in the background.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Node;
use super::error::StartError;
use super::loaded::Loaded;
use crate::admin::{Admin, AdminState};
use crate::rollout::{NodeConnections, Notifier, Reconciler, RolloutController};
use crate::runtime::engine::compiled_cache;
use crate::telemetry::watch_log;

/// Time between two evictions from the compiled components on disk.
const EVICTION_INTERVAL: Duration = Duration::from_secs(600);

impl Node {
    /// Serves until `stop`, and then lets requests in flight finish. Returns whether they all did
    /// in time.
    ///
    /// # Errors
    /// When a port cannot be opened.
    pub async fn run(mut self, stop: impl Future<Output = ()>) -> Result<bool, StartError> {
        self.loaded.begin_periodic_work(self.traces.clone());
        self.reconciler.decide_readiness().await;
        let mut background = JoinSet::new();
        let admin_stop = CancellationToken::new();
        if let Some(admin) = self.admin.take() {
            let state = Arc::new(self.admin_state());
            background.spawn(serve_operators(admin, state, admin_stop.clone()));
        }
        let Self {
            server,
            service,
            loaded,
            reconciler,
            connections,
            controller,
            notifier,
            traces,
            ..
        } = self;
        follow_rollouts(&mut background, &loaded, &reconciler, controller, notifier);
        watch_node(&mut background, &loaded, connections);

        let drained = server
            .run(service, stop, loaded.settings.stop.drain_timeout)
            .await?;
        admin_stop.cancel();
        background.shutdown().await;
        loaded.close(&reconciler.name().node).await;
        if let Some(traces) = traces {
            traces.close().await;
        }
        Ok(drained)
    }

    /// Returns the state of the operators' API.
    fn admin_state(&self) -> AdminState {
        let loaded = &self.loaded;
        AdminState {
            control: loaded.control.clone(),
            activator: loaded.activator.clone(),
            runtime: loaded.runtime.clone(),
            live: loaded.live.clone(),
            reconciler: self.reconciler.clone(),
            notifier: self.notifier.clone(),
            production: loaded.settings.looks_like_production(),
            tokens: self.tokens.clone(),
            reply_cache: self.service.reply_cache().cloned(),
            mount_path: loaded.settings.mount_path.clone(),
            traffic: self.service.traffic().clone(),
            limiter: loaded.services.limiter().clone(),
            services: loaded.services.clone(),
            certificate: self.server.certificate(),
            counters: loaded.services.counters().clone(),
            traces: self.traces.clone(),
            thresholds: self.controller.thresholds(),
            checks: self.controller.checks().clone(),
            fleet_health: self.controller.fleet_health().clone(),
        }
    }
}

async fn serve_operators(admin: Admin, state: Arc<AdminState>, stop: CancellationToken) {
    if let Err(error) = admin.run(state, stop).await {
        tracing::error!(%error, "the operators' port is not served any more");
    }
}

/// Starts the tasks that follow the release log, report to the control database, and lead rollouts
/// and runs of migrations.
fn follow_rollouts(
    background: &mut JoinSet<()>,
    loaded: &Loaded,
    reconciler: &Arc<Reconciler>,
    controller: RolloutController,
    notifier: Arc<Notifier>,
) {
    let (listening, following, reporting) =
        (notifier.clone(), reconciler.clone(), reconciler.clone());
    background.spawn(async move { listening.listen().await });
    background.spawn(async move { controller.drive().await });
    background.spawn(async move { following.follow().await });
    background.spawn(async move { reporting.report().await });
    let migrator = loaded.activator.migrator().clone();
    background.spawn(async move { migrator.take_over(&notifier).await });
}

/// Starts the tasks that warn of problems of this node, and that bound its cache.
fn watch_node(background: &mut JoinSet<()>, loaded: &Loaded, connections: Arc<NodeConnections>) {
    let warnings = || loaded.warnings.clone();
    let (watched, of_connections) = (connections.clone(), warnings());
    background.spawn(async move { watched.watch(&of_connections).await });
    let of_refusals = warnings();
    background.spawn(async move { connections.watch_refusals(&of_refusals).await });
    let of_log = warnings();
    background.spawn(async move { watch_log(&of_log).await });
    let settings = loaded.settings.clone();
    background.spawn(async move {
        bound_compiled_cache(&settings.data_dir, settings.releases.compiled_cache).await;
    });
}

/// Keeps the compiled components on disk within `limit` bytes, for as long as the future is polled.
async fn bound_compiled_cache(data_dir: &Path, limit: u64) {
    loop {
        let folder = data_dir.to_owned();
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
        tokio::time::sleep(EVICTION_INTERVAL).await;
    }
}
