//! Following the release log: a node serves what its region is to run, and
//! says how far it is.

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
use crate::rollout::prepare::activator::{ActivateError, Activator};
use crate::rollout::report::{CanaryReport, PluginReport, ReleaseReport, Report, State};
use crate::rollout::serving::active::ActivePlugin;
use crate::rollout::serving::live::ServingState;
use crate::rollout::serving::paths::strip_prefix_ignoring_case;
use crate::rollout::serving::release::Release;
use crate::telemetry::NodeWarnings;

/// How often the log is looked at without being woken, where no words of other
/// nodes are heard.
const POLL: Duration = Duration::from_secs(1);

/// How often it is where they are: a lost word costs no more than that.
const POLL_WITH_WORDS: Duration = Duration::from_secs(3);

/// How often a node says that it is there.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// How long after a failure a release that is still wanted is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(15);

/// How long after the first failure, where a store did not answer; it doubles
/// with each further one, up to [`TRY_AGAIN`].
const TRY_STORE_AGAIN: Duration = Duration::from_secs(1);

/// One node, among all.
#[derive(Debug, Clone)]
pub struct NodeName {
    /// Names it, until it ends.
    pub node: String,
    /// Its region.
    pub region: String,
    /// Where it serves the shop.
    pub address: String,
}

/// Keeps a node on what the log wants.
pub struct Reconciler {
    name: NodeName,
    control: Arc<Control>,
    activator: Arc<Activator>,
    live: Arc<ServingState>,
    wake: Arc<Notifier>,
    decisions: Arc<Decisions>,
    keys: Option<Arc<Keys>>,
    /// The node whose place this one took.
    replaces: Option<String>,
    /// Revisions that do not serve yet, by plugin.
    pending: Mutex<BTreeMap<String, Pending>>,
    readiness: Arc<ReadinessCell>,
    /// Told whenever a plugin is no longer being made ready.
    ended: watch::Sender<()>,
    /// Requests that were answered at the last heartbeat.
    rates: Mutex<HashMap<Digest, Rate>>,
    activity: Activity,
    warnings: Arc<NodeWarnings>,
    connections: Option<Arc<NodeConnections>>,
}

/// What the follower has done so far.
#[derive(Debug, Default)]
pub struct Activity {
    activated: AtomicU64,
    failed: AtomicU64,
    /// When the log was last read, in milliseconds since 1970; 0 before.
    read: AtomicU64,
}

impl Activity {
    /// How often what the log wants was brought to serve, by the outcome.
    #[must_use]
    pub fn activations(&self) -> [(&'static str, u64); 2] {
        [
            ("done", self.activated.load(Relaxed)),
            ("failed", self.failed.load(Relaxed)),
        ]
    }

    /// When the log was last read, since 1970; none before.
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

/// A revision on its way.
#[derive(Clone)]
struct Pending {
    revision: i64,
    state: State,
    /// Ready but for what another plugin that is made ready has to offer.
    waits_for_others: bool,
    cause: Cause,
    reason: String,
    since: Instant,
    /// How often in a row a store did not answer; 0 where that is not what is
    /// wrong.
    unanswered: u32,
    /// Where the plugin would serve, for one that does not serve since the
    /// node started.
    routes: Vec<String>,
}

impl Pending {
    /// How long after the failure the revision is tried again.
    fn retry_after(&self) -> Duration {
        match self.unanswered {
            0 => TRY_AGAIN,
            times => TRY_AGAIN.min(TRY_STORE_AGAIN * 2_u32.saturating_pow((times - 1).min(10))),
        }
    }
}

/// A plugin that a node should serve and does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingPlugin {
    /// The plugin.
    pub name: String,
    /// Why, in words that name no address and no path: they may be told to
    /// anybody.
    pub reason: &'static str,
}

/// A plugin that could not be made ready when its node started, or whose canary
/// could not.
#[derive(Debug)]
pub struct Deferred {
    /// The plugin.
    pub plugin: String,
    /// The log's revision that asks for it.
    pub revision: i64,
    /// Where it would serve.
    pub routes: Vec<String>,
    /// Why it does not.
    pub error: String,
    /// Whether a store that it needs does not answer.
    pub transient: bool,
}

/// What the log wants and what does not serve yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Plugins whose release is made ready.
    pub preparing: usize,
    /// Plugins whose release cannot serve.
    pub failed: usize,
}

struct Rate {
    requests: u64,
    at: Instant,
    per_second: f64,
}

impl Reconciler {
    /// A follower for the node `name`.
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

    /// Returns the follower with `connections` in its node's reports.
    #[must_use]
    pub fn with_connections(self, connections: Arc<NodeConnections>) -> Self {
        let connections = Some(connections);
        Self {
            connections,
            ..self
        }
    }

    /// Returns the follower with `warnings` in its node's reports.
    #[must_use]
    pub fn with_warnings(self, warnings: Arc<NodeWarnings>) -> Self {
        Self { warnings, ..self }
    }

    /// Returns the follower with these keys, if any, which it reports and has
    /// settled.
    #[must_use]
    pub fn with_keys(self, keys: Option<Arc<Keys>>) -> Self {
        Self { keys, ..self }
    }

    /// Returns the follower of a node that took the place of `replaced`, if of
    /// any, and reports that.
    #[must_use]
    pub fn in_place_of(self, replaced: Option<String>) -> Self {
        Self {
            replaces: replaced,
            ..self
        }
    }

    /// The node that follows.
    #[must_use]
    pub fn name(&self) -> &NodeName {
        &self.name
    }

    /// Whether customers may be sent to the node, by its last look at the log.
    #[must_use]
    pub fn readiness(&self) -> &Arc<ReadinessCell> {
        &self.readiness
    }

    /// Decides whether customers may be sent to the node before it opens its
    /// port: what the log wants was made ready when it started.
    pub async fn decide_readiness(&self) {
        let decided = async {
            let wanted = self.control.wanted_in(&self.name.region).await?;
            self.decide(&wanted).await
        };
        if let Err(error) = decided.await {
            tracing::warn!("the release log cannot be read: {error}");
        }
    }

    /// Returns the counts of what this node decides about canaries.
    #[must_use]
    pub fn decisions(&self) -> &Arc<Decisions> {
        &self.decisions
    }

    /// What it has done so far.
    #[must_use]
    pub fn activity(&self) -> &Activity {
        &self.activity
    }

    /// What the log wants and what does not serve yet.
    #[must_use]
    pub fn backlog(&self) -> Backlog {
        let pending = self.pending();
        let count = |state| pending.values().filter(|one| one.state == state).count();
        Backlog {
            preparing: count(State::Preparing),
            failed: count(State::Failed),
        }
    }

    /// Takes note of a plugin that could not be made ready when the node
    /// started: the follower tries again.
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

    /// Returns the plugins that should serve here, none of whose releases
    /// does.
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

    /// Whether `path` belongs to a plugin that is missing since the node
    /// started.
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

    /// Follow the log, for as long as this is polled.
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

    /// Say that the node is there, and how it is, for as long as this is
    /// polled.
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

    /// Begin to make ready what an entry wants, unless that is done or under
    /// way. Plugins are made ready beside each other: one that takes long keeps
    /// no other from going back.
    async fn advance(
        self: &Arc<Self>,
        plugin: &str,
        entry: Entry,
        activations: &mut Activations,
    ) -> Result<(), ControlError> {
        if self.has_nothing_to_do(plugin, &entry) {
            // What failed before, or was under way, is not wanted any more.
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
        // From now on, what a task for an older revision makes is not wanted.
        self.set_pending(plugin, entry.revision, State::Preparing, String::new());
        let (this, revision, name) = (self.clone(), entry.revision, plugin.to_owned());
        let work = |superseded| async move {
            this.bring_to_serve(&name, &entry, &superseded).await;
            this.ended.send_replace(());
        };
        activations.start(plugin, revision, work);
        Ok(())
    }

    /// Make ready what an entry wants, let it serve, and say so.
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
                // The next look at the log tries again, which is not to be now.
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

    /// Returns whether that revision is still wanted, so that its failure is
    /// to be known.
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

    /// Let what an entry wants serve. What does not fit the other plugins is
    /// tried again whenever one of them has been made ready: it may offer what
    /// is missing. Returns whether it serves; not so if a newer revision is
    /// wanted meanwhile.
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
            // The sender lives as long as this follower.
            let others_changed = ended.has_changed().unwrap_or(false);
            if !others_changed && !self.waits_for_others(plugin, entry.revision) {
                return Err(error);
            }
            if ended.changed().await.is_err() {
                return Err(error);
            }
        }
    }

    /// Write down that a plugin waits for others. Returns whether there are any
    /// that are being made ready and do not wait themselves.
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

    /// Tell the others how far this node is, before they are woken to look.
    async fn tell(&self) -> Result<(), ControlError> {
        let NodeName { node, region, .. } = &self.name;
        self.control.report(node, region, &self.describe()).await?;
        self.wake.leaders().await;
        Ok(())
    }

    /// Whether nothing is to serve, and nothing does.
    fn has_nothing_to_do(&self, plugin: &str, entry: &Entry) -> bool {
        let serves = self.live.serving().plugins.contains_key(plugin);
        !serves && entry.wanted.active.is_none()
    }

    /// Whether there is nothing to do about this entry, for now.
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

    /// Make ready what an entry wants, and let it serve if that is still wanted
    /// then. Returns whether it serves.
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
        // Held, so that no newer revision can begin to serve in between.
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

    /// End the trials of releases that do worse than what they are to replace.
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
            // Not the rollout after the one whose canary this still serves.
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

    /// Counts how often in a row a store did not answer.
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

    /// What the node says of itself.
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

    /// Releases that no longer serve have none.
    fn forget_rates(&self, served: &[Arc<ActivePlugin>]) {
        let serves = |digest: &Digest| {
            let mut releases = served.iter().flat_map(|plugin| plugin.releases());
            releases.any(|release| release.digest == *digest)
        };
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        rates.retain(|digest, _| serves(digest));
    }

    /// Requests a second since about the last heartbeat.
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
