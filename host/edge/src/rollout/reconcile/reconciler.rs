//! Follows the release log: a node prepares and serves the releases of its
//! region, and reports its progress.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bundle::Digest;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::activations::Activations;
use super::connections::NodeConnections;
use super::keys::Keys;
use super::readiness::{self, Cause, Known, ReadinessCell};
use crate::rollout::canary::decisions::{Decision, Decisions};
use crate::rollout::control::log::Entry;
use crate::rollout::control::notifier::{Notifier, next};
use crate::rollout::control::rollouts::{Phase, Rollout};
use crate::rollout::control::{Control, ControlError};
use crate::rollout::prepare::activate_error::ActivateError;
use crate::rollout::prepare::activator::Activator;
use crate::rollout::report::{CanaryReport, PluginReport, ReleaseReport, Report, State};
use crate::rollout::serving::active::ActivePlugin;
use crate::rollout::serving::live::ServingState;
use crate::rollout::serving::paths::strip_prefix_ignoring_case;
use crate::rollout::serving::release::Release;
use crate::telemetry::NodeWarnings;

/// Interval at which the log is polled while no notifications of other nodes
/// arrive.
const POLL: Duration = Duration::from_secs(1);

/// Interval at which the log is polled while notifications arrive, and so the
/// maximum delay after a lost one.
const POLL_WITH_WORDS: Duration = Duration::from_secs(3);

/// Interval between the heartbeats of a node.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// Delay before a release that failed is prepared again, if it is still
/// desired.
const TRY_AGAIN: Duration = Duration::from_secs(15);

/// Delay after the first failure because a store does not answer. It doubles
/// with each further one, up to [`TRY_AGAIN`].
const TRY_STORE_AGAIN: Duration = Duration::from_secs(1);

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
    name: NodeName,
    control: Arc<Control>,
    activator: Arc<Activator>,
    live: Arc<ServingState>,
    wake: Arc<Notifier>,
    decisions: Arc<Decisions>,
    keys: Option<Arc<Keys>>,
    /// Name of the node that ran in this data folder before, if any.
    replaces: Option<String>,
    /// Revisions that do not serve yet, by plugin.
    pending: Mutex<BTreeMap<String, Pending>>,
    readiness: Arc<ReadinessCell>,
    /// Notified whenever the preparation of a plugin has ended.
    ended: watch::Sender<()>,
    /// Request counts at about the last heartbeat, by release.
    rates: Mutex<HashMap<Digest, Rate>>,
    activity: Activity,
    warnings: Arc<NodeWarnings>,
    connections: Option<Arc<NodeConnections>>,
}

/// Counters of the reconciler.
#[derive(Debug, Default)]
pub struct Activity {
    activated: AtomicU64,
    failed: AtomicU64,
    /// Time of the last read of the log, in milliseconds since 1970; 0 before
    /// the first.
    read: AtomicU64,
}

impl Activity {
    /// Returns the number of activations of a log entry since the node started,
    /// by outcome.
    #[must_use]
    pub fn activations(&self) -> [(&'static str, u64); 2] {
        [
            ("done", self.activated.load(Relaxed)),
            ("failed", self.failed.load(Relaxed)),
        ]
    }

    /// Returns the time of the last read of the log, since 1970; `None` before
    /// the first.
    #[must_use]
    pub fn last_read(&self) -> Option<Duration> {
        let read = self.read.load(Relaxed);
        (read > 0).then(|| Duration::from_millis(read))
    }

    fn note_read(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_millis();
        self.read
            .store(u64::try_from(now).unwrap_or(u64::MAX), Relaxed);
    }
}

/// Revision of a plugin that does not serve yet.
#[derive(Clone)]
struct Pending {
    revision: i64,
    state: State,
    /// True if the release is ready except for an interface that another plugin
    /// in preparation may export.
    waits_for_others: bool,
    cause: Cause,
    reason: String,
    since: Instant,
    /// Number of consecutive attempts in which a store did not answer; 0 if the
    /// failure has another cause.
    unanswered: u32,
    /// Routes of a plugin that has not served since the node started.
    routes: Vec<String>,
}

impl Pending {
    /// Returns the delay after the failure before the revision is prepared
    /// again.
    fn retry_after(&self) -> Duration {
        match self.unanswered {
            0 => TRY_AGAIN,
            times => TRY_AGAIN.min(TRY_STORE_AGAIN * 2_u32.saturating_pow((times - 1).min(10))),
        }
    }
}

/// Plugin that a node should serve and does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingPlugin {
    /// Name of the plugin.
    pub name: String,
    /// Reason that is safe to publish, since it contains no address and no
    /// path.
    pub reason: &'static str,
}

/// Plugin that could not be prepared when its node started, or whose canary
/// could not.
#[derive(Debug)]
pub struct Deferred {
    /// Name of the plugin.
    pub plugin: String,
    /// Revision of the log that asks for the release.
    pub revision: i64,
    /// Routes that the plugin would serve.
    pub routes: Vec<String>,
    /// Cause of the failure.
    pub error: String,
    /// True if a store that the plugin needs does not answer.
    pub transient: bool,
}

/// Numbers of plugins whose desired release does not serve yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Plugins whose release is in preparation.
    pub preparing: usize,
    /// Plugins whose release failed.
    pub failed: usize,
}

struct Rate {
    requests: u64,
    at: Instant,
    per_second: f64,
}

impl Reconciler {
    /// Returns a reconciler for the node `name`.
    #[must_use]
    pub fn new(
        name: NodeName,
        control: Arc<Control>,
        activator: Arc<Activator>,
        live: Arc<ServingState>,
        wake: Arc<Notifier>,
    ) -> Self {
        Self {
            name,
            control,
            activator,
            live,
            wake,
            decisions: Arc::default(),
            keys: None,
            replaces: None,
            pending: Mutex::default(),
            readiness: Arc::default(),
            ended: watch::Sender::new(()),
            rates: Mutex::default(),
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
            let wanted = self.control.wanted_in(&self.name.region).await?;
            self.decide(&wanted).await
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
        let pending = self.pending();
        let count = |state| pending.values().filter(|one| one.state == state).count();
        Backlog {
            preparing: count(State::Preparing),
            failed: count(State::Failed),
        }
    }

    /// Adds a plugin that could not be prepared when the node started, so that
    /// the reconciler tries again.
    pub fn note_deferred(&self, deferred: Deferred) {
        let Deferred {
            plugin,
            revision,
            routes,
            error,
            transient,
        } = deferred;
        let pending = Pending {
            revision,
            state: State::Failed,
            waits_for_others: false,
            cause: if transient {
                Cause::Store
            } else {
                Cause::Other
            },
            reason: error,
            since: Instant::now(),
            unanswered: transient.into(),
            routes,
        };
        self.pending().insert(plugin, pending);
    }

    /// Returns the plugins that this node should serve and of which no release
    /// serves.
    #[must_use]
    pub fn missing(&self) -> Vec<MissingPlugin> {
        let serving = self.live.serving();
        let pending = self.pending();
        let missing = pending
            .iter()
            .filter(|(plugin, _)| !serving.plugins.contains_key(*plugin));
        let missing = missing.map(|(plugin, pending)| MissingPlugin {
            name: plugin.clone(),
            reason: match (pending.cause, pending.state) {
                (Cause::Store, _) => "a store that it needs does not answer",
                (Cause::Other, State::Preparing) => "its release is made ready",
                (Cause::Other, _) => "its release cannot serve",
            },
        });
        missing.collect()
    }

    /// Returns whether `path` belongs to a plugin that has been missing since
    /// the node started.
    #[must_use]
    pub fn is_missing(&self, path: &str) -> bool {
        let serving = self.live.serving();
        let pending = self.pending();
        let mut missing = pending
            .iter()
            .filter(|(plugin, _)| !serving.plugins.contains_key(*plugin));
        missing.any(|(_, pending)| {
            let mut routes = pending.routes.iter();
            routes.any(|route| strip_prefix_ignoring_case(route, path).is_some())
        })
    }

    /// Follows the log for as long as this future is polled.
    pub async fn follow(self: &Arc<Self>) {
        let mut words = self.wake.subscribe_log();
        let mut activations = Activations::default();
        loop {
            if let Err(error) = self.look(&mut activations).await {
                tracing::warn!("the release log cannot be followed: {error}");
            }
            self.activator.forget_unwanted();
            let longest = match self.wake.is_listening() {
                true => POLL_WITH_WORDS,
                false => POLL,
            };
            tokio::select! {
                () = next(&mut words, longest) => {}
                () = activations.ended() => {}
            }
        }
    }

    /// Reports the state of the node at each heartbeat, for as long as this
    /// future is polled.
    pub async fn report(&self) {
        loop {
            let reported = self.beat().await;
            if let Err(error) = reported {
                tracing::warn!("this node cannot report: {error}");
            }
            tokio::time::sleep(HEARTBEAT).await;
        }
    }

    async fn beat(&self) -> Result<(), ControlError> {
        self.control.measure_clock().await?;
        let NodeName { node, region, .. } = &self.name;
        self.control.report(node, region, &self.describe()).await?;
        match &self.keys {
            Some(keys) => keys.settle(&self.control).await,
            None => Ok(()),
        }
    }

    async fn look(self: &Arc<Self>, activations: &mut Activations) -> Result<(), ControlError> {
        let wanted = self.control.wanted_in(&self.name.region).await?;
        self.activity.note_read();
        self.decide(&wanted).await?;
        for (plugin, entry) in wanted {
            self.advance(&plugin, entry, activations).await?;
        }
        self.end_trials().await
    }

    async fn decide(&self, wanted: &BTreeMap<String, Entry>) -> Result<(), ControlError> {
        let region = &self.name.region;
        let wants_something = wanted.values().any(|entry| entry.wanted.active.is_some());
        let other_region = match wants_something {
            true => None,
            false => self.control.other_region_that_runs(region).await?,
        };
        let serves = self.live.serving().plugins.keys().cloned().collect();
        let pending = self.pending().clone().into_iter();
        let pending = pending.map(|(plugin, pending)| (plugin, (pending.state, pending.cause)));
        let decided = readiness::decide(&Known {
            region,
            wanted,
            serves: &serves,
            pending: &pending.collect(),
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
            let was_pending = self.pending().remove(plugin).is_some();
            if !was_pending {
                return Ok(());
            }
            activations.forget(plugin);
            self.ended.send_replace(());
            return self.tell().await;
        }
        if self.is_settled(plugin, &entry) || activations.is_running(plugin, entry.revision) {
            return Ok(());
        }
        // The result of a task for an older revision is discarded from now on.
        self.set_pending(plugin, entry.revision, State::Preparing, String::new());
        let (this, revision, name) = (self.clone(), entry.revision, plugin.to_owned());
        let work = |superseded| async move {
            this.bring_to_serve(&name, &entry, &superseded).await;
            this.ended.send_replace(());
        };
        activations.start(plugin, revision, work);
        Ok(())
    }

    /// Prepares and serves the releases of an entry, and reports the outcome.
    async fn bring_to_serve(&self, plugin: &str, entry: &Entry, superseded: &CancellationToken) {
        match self.activate_beside_others(plugin, entry, superseded).await {
            Ok(false) => return,
            Ok(true) => {
                self.activity.activated.fetch_add(1, Relaxed);
                let canary = entry.wanted.canary.as_ref();
                tracing::info!(
                    plugin,
                    revision = entry.revision,
                    release = entry.wanted.active.map(|digest| digest.short()),
                    canary = canary.map(|canary| canary.digest.short()),
                    "serving what the release log wants"
                );
            }
            Err(ActivateError::Control(error)) => {
                tracing::warn!(plugin, "a release cannot be had: {error}");
                // The entry is tried again at the next read of the log, which
                // would otherwise be at once.
                tokio::time::sleep(POLL).await;
                return;
            }
            Err(error) => {
                if !self.fail(plugin, entry.revision, &error) {
                    return;
                }
            }
        }
        if let Err(error) = self.tell().await {
            tracing::warn!(plugin, "this node cannot report: {error}");
        }
    }

    /// Records the failure of a revision. Returns false if the revision is not
    /// desired any more, in which case nothing is recorded.
    fn fail(&self, plugin: &str, revision: i64, error: &ActivateError) -> bool {
        if !self.is_current(plugin, revision) {
            return false;
        }
        self.activity.failed.fetch_add(1, Relaxed);
        tracing::error!(plugin, revision, "a release cannot serve: {error}");
        self.set_pending(plugin, revision, State::Failed, error.to_string());
        self.count_unanswered(plugin, error.is_transient());
        if let Some(pending) = self.pending().get_mut(plugin) {
            pending.cause = cause(error);
        }
        true
    }

    /// Activates an entry. A release that is incompatible with the other
    /// plugins is tried again whenever one of them was prepared, since it may
    /// export a missing interface. Returns whether the entry serves; false if a
    /// newer revision superseded it.
    async fn activate_beside_others(
        &self,
        plugin: &str,
        entry: &Entry,
        superseded: &CancellationToken,
    ) -> Result<bool, ActivateError> {
        let mut ended = self.ended.subscribe();
        loop {
            ended.borrow_and_update();
            let error = match self.activate(plugin, entry, superseded).await {
                Err(error @ ActivateError::Incompatible(_)) => error,
                outcome => return outcome,
            };
            // The sender lives as long as this reconciler.
            let others_changed = ended.has_changed().unwrap_or(false);
            if !others_changed && !self.waits_for_others(plugin, entry.revision) {
                return Err(error);
            }
            if ended.changed().await.is_err() {
                return Err(error);
            }
        }
    }

    /// Marks a plugin as waiting for other plugins. Returns whether any other
    /// plugin is in preparation and does not wait itself.
    fn waits_for_others(&self, plugin: &str, revision: i64) -> bool {
        let mut pending = self.pending();
        let others = pending.iter().any(|(name, other)| {
            name != plugin && other.state == State::Preparing && !other.waits_for_others
        });
        match pending.get_mut(plugin) {
            Some(own) if own.revision == revision => own.waits_for_others = others,
            _ => return false,
        }
        others
    }

    fn is_current(&self, plugin: &str, revision: i64) -> bool {
        let pending = self.pending();
        pending
            .get(plugin)
            .is_some_and(|pending| pending.revision == revision)
    }

    /// Writes the node's report into the control database, and wakes the
    /// rollout controllers to read it.
    async fn tell(&self) -> Result<(), ControlError> {
        let NodeName { node, region, .. } = &self.name;
        self.control.report(node, region, &self.describe()).await?;
        self.wake.leaders().await;
        Ok(())
    }

    /// Returns whether no release is to serve and none does.
    fn has_nothing_to_do(&self, plugin: &str, entry: &Entry) -> bool {
        let serves = self.live.serving().plugins.contains_key(plugin);
        !serves && entry.wanted.active.is_none()
    }

    /// Returns whether the entry serves, or failed too recently to be tried
    /// again.
    fn is_settled(&self, plugin: &str, entry: &Entry) -> bool {
        let serving = self.live.serving();
        let served = serving.plugins.get(plugin);
        if served.is_some_and(|plugin| plugin.revision == entry.revision) {
            return true;
        }
        let pending = self.pending();
        pending.get(plugin).is_some_and(|pending| {
            pending.revision == entry.revision
                && pending.state == State::Failed
                && pending.since.elapsed() < pending.retry_after()
        })
    }

    /// Prepares the releases of an entry, and serves them if the entry is still
    /// desired then. Returns whether they serve.
    async fn activate(
        &self,
        plugin: &str,
        entry: &Entry,
        superseded: &CancellationToken,
    ) -> Result<bool, ActivateError> {
        let deployed = self
            .activator
            .deployed(plugin, entry.revision, &entry.wanted, superseded)
            .await?;
        // The lock is held so that no newer revision can begin to serve in
        // between.
        let mut pending = self.pending();
        let is_current = pending
            .get(plugin)
            .is_some_and(|pending| pending.revision == entry.revision);
        if !is_current {
            if let Some(deployed) = &deployed {
                self.activator.discard(deployed);
            }
            return Ok(false);
        }
        self.live.change(|plugins| {
            let old = plugins.get(plugin);
            let before = old.map(|plugin| self.describe_release(&plugin.active));
            match deployed {
                Some(mut deployed) => {
                    if let Some(old) = old {
                        deployed.carry_on(old);
                    }
                    deployed.before = before;
                    plugins.insert(plugin.to_owned(), Arc::new(deployed));
                }
                None => {
                    plugins.remove(plugin);
                }
            }
        })?;
        pending.remove(plugin);
        Ok(true)
    }

    /// Withdraws the canaries that do worse than the active release, by marking
    /// their rollouts as failing.
    async fn end_trials(&self) -> Result<(), ControlError> {
        let plugins: Vec<_> = self.live.serving().plugins.values().cloned().collect();
        let trials = || plugins.iter().filter_map(|plugin| plugin.trial.as_ref());
        if trials().next().is_some() {
            let nodes = self.control.nodes().await?;
            let live = nodes.iter().filter(|node| node.is_live()).count();
            trials().for_each(|trial| trial.set_nodes(live.max(1)));
        }
        for plugin in &plugins {
            let Some(reason) = plugin.verdict() else {
                continue;
            };
            let open = self.control.open_rollout_of(plugin.name()).await?;
            // A later rollout is not marked: the node may still serve the
            // canary of the previous one.
            let canary = plugin.wanted.canary.as_ref().map(|canary| canary.digest);
            let is_this =
                |rollout: &Rollout| is_on_trial(rollout.phase) && rollout.digest == canary;
            let Some(rollout) = open.filter(is_this) else {
                continue;
            };
            let reason = format!("the canary does worse on node {}: {reason}", self.name.node);
            self.control.fail_rollout(&rollout.id).await?;
            if self
                .control
                .move_rollout(&rollout, Phase::Failing, &reason)
                .await?
            {
                self.decisions.count(plugin.name(), Decision::Withdrawn);
                tracing::warn!(plugin = plugin.name(), "{reason}; it is withdrawn");
                self.wake.leaders().await;
            }
        }
        Ok(())
    }

    fn set_pending(&self, plugin: &str, revision: i64, state: State, reason: String) {
        let mut all = self.pending();
        let (before, routes) = match all.remove(plugin) {
            Some(before) if before.revision == revision => (before.unanswered, before.routes),
            Some(before) => (0, before.routes),
            None => (0, Vec::new()),
        };
        let pending = Pending {
            revision,
            state,
            waits_for_others: false,
            cause: Cause::default(),
            reason,
            since: Instant::now(),
            unanswered: before,
            routes,
        };
        all.insert(plugin.to_owned(), pending);
    }

    /// Counts consecutive failures because a store does not answer; any other
    /// failure resets the count.
    fn count_unanswered(&self, plugin: &str, is_transient: bool) {
        if let Some(pending) = self.pending().get_mut(plugin) {
            pending.unanswered = match is_transient {
                true => pending.unanswered.saturating_add(1),
                false => 0,
            };
        }
    }

    fn pending(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the current report of the node.
    #[must_use]
    pub fn describe(&self) -> Report {
        let served: Vec<_> = self.live.serving().plugins.values().cloned().collect();
        self.forget_rates(&served);
        let mut plugins: BTreeMap<String, PluginReport> = served
            .iter()
            .map(|plugin| (plugin.name().to_owned(), self.describe_plugin(plugin)))
            .collect();
        for (plugin, pending) in self.pending().iter() {
            let report = plugins
                .entry(plugin.clone())
                .or_insert_with(|| PluginReport {
                    revision: pending.revision,
                    state: pending.state,
                    reason: String::new(),
                    transient: false,
                    for_ms: 0,
                    active: None,
                    canary: None,
                    before: None,
                    trial: None,
                });
            report.revision = pending.revision;
            report.state = pending.state;
            report.reason.clone_from(&pending.reason);
            report.transient = pending.cause == Cause::Store;
            report.for_ms = milliseconds(pending.since);
        }
        Report {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            address: self.name.address.clone(),
            clock_skew_ms: self.control.clock().skew().map(|skew| skew.milliseconds),
            replaces: self.replaces.clone(),
            keys: self.keys.as_ref().map(|keys| keys.rings().clone()),
            reads_blobs: true,
            writes_heads: true,
            plugins,
            warnings: self.warnings.texts(),
            connections: self
                .connections
                .as_ref()
                .map_or_else(Vec::new, |connections| connections.report()),
        }
    }

    fn describe_plugin(&self, plugin: &ActivePlugin) -> PluginReport {
        let compared = plugin.compared();
        let trial = plugin.trial.as_ref().zip(compared.as_ref());
        let canary = trial.map(|(trial, (sample, _))| {
            let rate = self.rate(&trial.release);
            trial.release.report(sample, rate)
        });
        PluginReport {
            revision: plugin.revision,
            state: State::Serving,
            reason: String::new(),
            transient: false,
            for_ms: milliseconds(plugin.since),
            active: Some(self.describe_release(&plugin.active)),
            canary,
            before: plugin.before.clone(),
            trial: compared.map(|(canary, active)| {
                let (compared, at_step) = plugin.totals().unwrap_or_default();
                CanaryReport {
                    canary: canary.tally(),
                    active: active.tally(),
                    compared,
                    at_step: Some(at_step),
                }
            }),
        }
    }

    fn describe_release(&self, release: &Release) -> ReleaseReport {
        let sample = release.plugin.stats().sample();
        release.report(&sample, self.rate(release))
    }

    /// Drops the request rates of releases that no longer serve.
    fn forget_rates(&self, served: &[Arc<ActivePlugin>]) {
        let serves = |digest: &Digest| {
            let mut releases = served.iter().flat_map(|plugin| plugin.releases());
            releases.any(|release| release.digest == *digest)
        };
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        rates.retain(|digest, _| serves(digest));
    }

    /// Returns the requests per second of a release, measured since about the
    /// last heartbeat.
    fn rate(&self, release: &Release) -> f64 {
        let (requests, _) = release.plugin.stats().counts();
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        let rate = rates.entry(release.digest).or_insert_with(|| Rate {
            requests,
            at: Instant::now(),
            per_second: 0.0,
        });
        let passed = rate.at.elapsed();
        if passed >= HEARTBEAT / 2 {
            #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
            let more = requests.saturating_sub(rate.requests) as f64;
            *rate = Rate {
                requests,
                at: Instant::now(),
                per_second: more / passed.as_secs_f64(),
            };
        }
        rate.per_second
    }
}

fn cause(error: &ActivateError) -> Cause {
    match error.is_transient() {
        true => Cause::Store,
        false => Cause::Other,
    }
}

fn is_on_trial(phase: Phase) -> bool {
    matches!(phase, Phase::Running | Phase::Canary)
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
