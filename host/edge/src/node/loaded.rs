//! Plugins that are loaded: their releases, their entries in the release log, and their end.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::error::StartError;
use crate::config::Settings;
use crate::rollout::control::Control;
use crate::rollout::{
    Activator, Backends, Deferred, Desired, Keys, Release, Scheduler, ServingState,
};
use crate::runtime::Runtime;
use crate::telemetry::NodeWarnings;
use crate::telemetry::traces::Traces;

/// Time limit for running periodic work to finish when the node stops.
const TASK_TIMEOUT: Duration = Duration::from_secs(5);

/// Time limit for the databases to close their connections: one that hangs must not keep a node
/// from exiting.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Plugins that are ready but not yet served.
pub struct Loaded {
    pub(super) settings: Arc<Settings>,
    pub(super) services: Arc<Backends>,
    pub(super) control: Arc<Control>,
    pub(super) activator: Arc<Activator>,
    pub(super) live: Arc<ServingState>,
    pub(super) desired: Vec<Desired>,
    /// Plugins that could not be prepared, or not with their canary.
    pub(super) deferred: Vec<Deferred>,
    /// Keys of the node; `None` for a command.
    pub(super) keys: Option<Arc<Keys>>,
    // Keeping the runtime also keeps the epochs of its engines advancing.
    pub(super) runtime: Arc<Runtime>,
    pub(super) warnings: Arc<NodeWarnings>,
    /// Id of the node, for as long as it runs.
    pub(super) node: String,
}

impl Loaded {
    /// Returns the releases that are ready.
    #[must_use]
    pub fn releases(&self) -> Vec<Arc<Release>> {
        self.live.releases()
    }

    /// Writes the plugins that came from folders into the release log.
    pub(super) async fn adopt(&mut self) -> Result<(), StartError> {
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

    pub(super) fn begin_periodic_work(&self, traces: Option<Arc<Traces>>) {
        let scheduler = Scheduler::new(self.settings.clone(), self.services.clone(), traces);
        self.live.begin_periodic_work(scheduler);
    }

    /// Finishes periodic work, and closes the databases.
    pub(super) async fn close(self, node: &str) {
        self.live.end_periodic_work(TASK_TIMEOUT).await;
        let releases = self.releases();
        let closing = async {
            if let Err(error) = self.control.leave(node).await {
                tracing::debug!("the control database does not know that this node stops: {error}");
            }
            let databases = releases
                .iter()
                .filter_map(|release| release.database.as_ref());
            join_all(databases.map(|database| database.close())).await;
            self.control.close().await;
        };
        if tokio::time::timeout(CLOSE_TIMEOUT, closing).await.is_err() {
            tracing::warn!("a database did not close its connections in time; they are abandoned");
        }
    }
}
