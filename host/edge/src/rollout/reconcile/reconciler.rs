//! The loop that follows the release log: reads what the region is to run, and
//! starts the preparation of what does not serve yet.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::activations::Activations;
use super::activity::Activity;
use super::connections::NodeConnections;
use super::keys::Keys;
use super::pending::{Backlog, Deferred, MissingPlugin, PendingPlugins};
use super::rates::RequestRates;
use super::readiness::{self, Known, ReadinessCell};
use crate::rollout::canary::decisions::Decisions;
use crate::rollout::control::log::Entry;
use crate::rollout::control::notifier::{Notifier, next};
use crate::rollout::control::{Control, ControlError};
use crate::rollout::prepare::activator::Activator;
use crate::rollout::serving::live::ServingState;
use crate::telemetry::NodeWarnings;

/// Interval at which the log is polled while no notifications of other nodes
/// arrive.
pub(super) const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Interval at which the log is polled while notifications arrive, and so the
/// maximum delay after a lost one.
const POLL_INTERVAL_WHEN_NOTIFIED: Duration = Duration::from_secs(3);

/// Name, region and address of a node.
#[derive(Debug, Clone)]
pub struct NodeName {
    /// Name of the node, new each time it starts.
    pub node: String,
    /// Region of the node.
    pub region: String,
    /// Address at which the node serves the shop.
    pub address: String,
}

/// Reconciler of a node with the release log.
pub struct Reconciler {
    pub(super) name: NodeName,
    pub(super) control: Arc<Control>,
    pub(super) activator: Arc<Activator>,
    pub(super) live: Arc<ServingState>,
    pub(super) notifier: Arc<Notifier>,
    pub(super) decisions: Arc<Decisions>,
    pub(super) keys: Option<Arc<Keys>>,
    /// Name of the node that ran in this data folder before, if any.
    pub(super) replaces: Option<String>,
    pub(super) pending: PendingPlugins,
    readiness: Arc<ReadinessCell>,
    /// Notified whenever the preparation of a plugin has ended.
    pub(super) ended: watch::Sender<()>,
    pub(super) rates: RequestRates,
    pub(super) activity: Activity,
    pub(super) warnings: Arc<NodeWarnings>,
    pub(super) connections: Option<Arc<NodeConnections>>,
}

impl Reconciler {
    /// Returns a reconciler for the node `name`.
    #[must_use]
    pub fn new(
        name: NodeName,
        control: Arc<Control>,
        activator: Arc<Activator>,
        live: Arc<ServingState>,
        notifier: Arc<Notifier>,
    ) -> Self {
        Self {
            name,
            control,
            activator,
            live,
            notifier,
            decisions: Arc::default(),
            keys: None,
            replaces: None,
            pending: PendingPlugins::default(),
            readiness: Arc::default(),
            ended: watch::Sender::new(()),
            rates: RequestRates::default(),
            activity: Activity::default(),
            warnings: Arc::default(),
            connections: None,
        }
    }

    /// Returns the reconciler with `connections` in its node's reports.
    #[must_use]
    pub fn with_connections(self, connections: Arc<NodeConnections>) -> Self {
        let connections = Some(connections);
        Self {
            connections,
            ..self
        }
    }

    /// Returns the reconciler with `warnings` in its node's reports.
    #[must_use]
    pub fn with_warnings(self, warnings: Arc<NodeWarnings>) -> Self {
        Self { warnings, ..self }
    }

    /// Returns the reconciler with the node's keys, if any, whose fingerprints
    /// it reports, and whose secret it makes the shop's when that is possible.
    #[must_use]
    pub fn with_keys(self, keys: Option<Arc<Keys>>) -> Self {
        Self { keys, ..self }
    }

    /// Returns the reconciler of a node that took the place of `replaced`, if
    /// of any, which it reports.
    #[must_use]
    pub fn in_place_of(self, replaced: Option<String>) -> Self {
        Self {
            replaces: replaced,
            ..self
        }
    }

    /// Returns the name of the node.
    #[must_use]
    pub fn name(&self) -> &NodeName {
        &self.name
    }

    /// Returns the node's readiness by its last read of the log.
    #[must_use]
    pub fn readiness(&self) -> &Arc<ReadinessCell> {
        &self.readiness
    }

    /// Decides whether the node is ready, before it opens its port: the
    /// releases that the log asks for were prepared when it started.
    pub async fn decide_readiness(&self) {
        let decided = async {
            let entries = self.control.desired_in(&self.name.region).await?;
            self.decide(&entries).await
        };
        if let Err(error) = decided.await {
            tracing::warn!("the release log cannot be read: {error}");
        }
    }

    /// Returns the counters of this node's decisions about canaries.
    #[must_use]
    pub fn decisions(&self) -> &Arc<Decisions> {
        &self.decisions
    }

    /// Returns the reconciler's counters.
    #[must_use]
    pub fn activity(&self) -> &Activity {
        &self.activity
    }

    /// Returns the numbers of plugins whose desired release does not serve yet.
    #[must_use]
    pub fn backlog(&self) -> Backlog {
        self.pending.backlog()
    }

    /// Adds a plugin that could not be prepared when the node started, so that
    /// the reconciler tries again.
    pub fn note_deferred(&self, deferred: Deferred) {
        self.pending.defer(deferred);
    }

    /// Returns the plugins that this node should serve and of which no release
    /// serves.
    #[must_use]
    pub fn missing(&self) -> Vec<MissingPlugin> {
        let serving = self.live.serving();
        self.pending
            .missing(|plugin| serving.plugins.contains_key(plugin))
    }

    /// Returns whether `path` belongs to a plugin that has been missing since
    /// the node started.
    #[must_use]
    pub fn is_missing(&self, path: &str) -> bool {
        let serving = self.live.serving();
        self.pending
            .is_missing(path, |plugin| serving.plugins.contains_key(plugin))
    }

    /// Follows the log for as long as this future is polled.
    pub async fn follow(self: &Arc<Self>) {
        let mut notifications = self.notifier.subscribe_log();
        let mut activations = Activations::default();
        loop {
            if let Err(error) = self.look(&mut activations).await {
                tracing::warn!("the release log cannot be followed: {error}");
            }
            self.activator.forget_expired();
            let longest = match self.notifier.is_listening() {
                true => POLL_INTERVAL_WHEN_NOTIFIED,
                false => POLL_INTERVAL,
            };
            tokio::select! {
                () = next(&mut notifications, longest) => {}
                () = activations.ended() => {}
            }
        }
    }

    async fn look(self: &Arc<Self>, activations: &mut Activations) -> Result<(), ControlError> {
        let entries = self.control.desired_in(&self.name.region).await?;
        self.activity.note_read();
        self.decide(&entries).await?;
        for (plugin, entry) in entries {
            self.advance(&plugin, entry, activations).await?;
        }
        self.withdraw_worse_canaries().await
    }

    async fn decide(&self, entries: &BTreeMap<String, Entry>) -> Result<(), ControlError> {
        let region = &self.name.region;
        let asks_for_something = entries.values().any(|entry| entry.desired.active.is_some());
        let other_region = match asks_for_something {
            true => None,
            false => self.control.other_region_that_runs(region).await?,
        };
        let serves = self.live.serving().plugins.keys().cloned().collect();
        let decided = readiness::decide(&Known {
            region,
            entries,
            serves: &serves,
            pending: &self.pending.states(),
            other_region: other_region.as_deref(),
            was_ready: self.readiness.get().ready,
        });
        self.readiness.set(decided);
        Ok(())
    }

    /// Starts a task that activates `entry`, unless the plugin serves it or a
    /// task for it runs. Plugins are prepared in parallel: a slow one does not
    /// delay the rollback of another.
    async fn advance(
        self: &Arc<Self>,
        plugin: &str,
        entry: Entry,
        activations: &mut Activations,
    ) -> Result<(), ControlError> {
        if self.has_nothing_to_do(plugin, &entry) {
            // A revision that failed or was in preparation is not desired any
            // more.
            if !self.pending.remove(plugin) {
                return Ok(());
            }
            activations.forget(plugin);
            self.ended.send_replace(());
            return self.write_report().await;
        }
        if self.is_settled(plugin, &entry) || activations.is_running(plugin, entry.revision) {
            return Ok(());
        }
        // The result of a task for an older revision is discarded from now on.
        self.pending.begin(plugin, entry.revision);
        let (this, revision, name) = (self.clone(), entry.revision, plugin.to_owned());
        let work = |superseded| async move {
            this.bring_to_serve(&name, &entry, &superseded).await;
            this.ended.send_replace(());
        };
        activations.start(plugin, revision, work);
        Ok(())
    }

    /// Returns whether no release is to serve and none does.
    fn has_nothing_to_do(&self, plugin: &str, entry: &Entry) -> bool {
        let serves = self.live.serving().plugins.contains_key(plugin);
        !serves && entry.desired.active.is_none()
    }

    /// Returns whether the entry serves, or failed too recently to be tried
    /// again.
    fn is_settled(&self, plugin: &str, entry: &Entry) -> bool {
        let serving = self.live.serving();
        let served = serving.plugins.get(plugin);
        let is_served = served.is_some_and(|plugin| plugin.revision == entry.revision);
        is_served || self.pending.failed_recently(plugin, entry.revision)
    }
}
