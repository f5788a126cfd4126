//! The rollout controller, which brings the release log of each region to the state that a rollout
//! asks for.
//!
//! Any node can lead: the next step follows from the rollout, the log and the nodes' reports, all
//! in the control database, and each step is one statement that succeeds for one node alone. One
//! node at a time leads, by a lease, so that the others need not poll. If the leader ends in the
//! middle of a rollout, another node continues within seconds.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::fleet_health::FleetHealth;
use super::healthy_time::HealthyTime;
use super::observer::Observer;
use super::progress::{Health, LONGEST, View, behind, health};
use super::revert::{UNDONE, failed, goes_back_whole, is_changed, is_filled, is_undone};
use crate::rollout::canary::Thresholds;
use crate::rollout::canary::analysis::{Margins, Record};
use crate::rollout::canary::decisions::{Decision, Decisions};
use crate::rollout::check::Checks;
use crate::rollout::control::leader::Lead;
use crate::rollout::control::log::{Entry, Wanted, WantedCanary};
use crate::rollout::control::nodes::NodeRecord;
use crate::rollout::control::notifier::{Notifier, next};
use crate::rollout::control::rollouts::{
    AT_START, MaxUnavailable, NewRolloutRegion, Phase, Rollout, RolloutRegion, expected_nodes,
};
use crate::rollout::control::{Control, ControlError};
use crate::rollout::lead::fleet;

/// Interval at which the leader polls rollouts without a notification.
const POLL: Duration = Duration::from_secs(1);

/// Interval at which the other nodes try to take the lease, and the leader renews it.
const LEAD: Duration = Duration::from_secs(3);

/// Interval at which the leader compares the heads with the release log.
const RECONCILE: Duration = Duration::from_mins(5);
/// Interval at which heads are compared while nodes of older host versions may write the log.
const RECONCILE_OLDER: Duration = Duration::from_secs(15);

/// Minimum time between two passes over the rollouts, however many nodes report.
const SPACING: Duration = Duration::from_millis(50);

/// Minimum wait before a rollout that only waits for time to pass is looked at again.
const SOONEST: Duration = Duration::from_millis(50);

/// Time limit for nodes to follow a reverted log, after which a failed or aborted rollout ends
/// without them.
const BACK: Duration = Duration::from_mins(1);

/// The task that leads rollouts while this node holds the lease.
pub struct RolloutController {
    /// Name of this node.
    pub(in crate::rollout) node: String,
    pub(in crate::rollout) control: Arc<Control>,
    pub(in crate::rollout) wake: Arc<Notifier>,
    margins: Margins,
    observer: Observer,
    /// True if this node's own reports were missing or its reads too slow at the last pass.
    is_blind: AtomicBool,
    healthy_time: HealthyTime,
    /// Time since which a region has had no nodes, by rollout ID and region.
    all_left: Mutex<HashMap<(String, String), Instant>>,
    pub(in crate::rollout) thresholds: Thresholds,
    pub(in crate::rollout) checks: Arc<Checks>,
    pub(in crate::rollout) decisions: Arc<Decisions>,
    fleet_health: Arc<FleetHealth>,
    /// Time without nodes after which a region is removed; `None` to keep regions.
    pub(super) forget_regions_after: Option<Duration>,
    looked_at_regions: Mutex<Option<Instant>>,
    /// Time when this node last compared the heads with the release log, while it led or followed a
    /// leader of an older version.
    reconciled: Mutex<Option<Instant>>,
}

/// Outcome of one step of a rollout.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Something was written, and more steps may follow at once.
    Done,
    /// The rollout waits for a node's report or for an operator.
    Wait,
    /// The rollout waits for this time to pass.
    Pause(Duration),
}

/// Progress of a rollout in one region.
enum Progress {
    Served,
    /// The region has no node that has to serve the release.
    NoNodes,
    Wait,
    Pause(Duration),
    Failed(String),
}

/// The nodes' last reports.
struct Sight {
    nodes: Vec<NodeRecord>,
    /// Time for which reports were read without a gap; `None` if this node cannot judge now whether
    /// other nodes are silent.
    observed: Option<Duration>,
}

impl RolloutController {
    /// Returns a rollout controller over `control`, on the node of this name.
    #[must_use]
    pub fn new(
        node: String,
        control: Arc<Control>,
        wake: Arc<Notifier>,
        margins: Margins,
        thresholds: Thresholds,
        checks: Arc<Checks>,
        decisions: Arc<Decisions>,
    ) -> Self {
        Self {
            observer: Observer::new(node.clone()),
            node,
            control,
            wake,
            margins,
            is_blind: AtomicBool::new(false),
            healthy_time: HealthyTime::default(),
            all_left: Mutex::default(),
            thresholds,
            checks,
            decisions,
            fleet_health: Arc::default(),
            forget_regions_after: None,
            looked_at_regions: Mutex::new(None),
            reconciled: Mutex::new(None),
        }
    }

    /// Returns the rollout controller with the time after which regions without nodes are removed;
    /// `None` to keep them.
    #[must_use]
    pub fn forgetting_regions_after(self, age: Option<Duration>) -> Self {
        Self {
            forget_regions_after: age,
            ..self
        }
    }

    /// Returns the metrics of all nodes, which are sampled while this node leads.
    #[must_use]
    pub fn fleet_health(&self) -> &Arc<FleetHealth> {
        &self.fleet_health
    }

    pub(super) fn looked_at_regions(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.looked_at_regions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the client of external checks.
    #[must_use]
    pub fn checks(&self) -> &Arc<Checks> {
        &self.checks
    }

    /// Returns the thresholds of the canary analysis.
    #[must_use]
    pub fn thresholds(&self) -> Thresholds {
        self.thresholds
    }

    /// Leads rollouts whenever no other node does, for as long as the future is polled. Never
    /// returns.
    pub async fn drive(&self) {
        let mut words = self.wake.subscribe_lead();
        loop {
            match self.control.take_lead(&self.node).await {
                Ok(Lead::Here) => {
                    self.lead_for_a_while(&mut words).await;
                    self.step_back_if_blind().await;
                }
                Ok(Lead::Elsewhere {
                    canaries,
                    lacks_heads,
                }) => {
                    self.fleet_health.forget();
                    match lacks_heads {
                        true => self.reconcile_heads(RECONCILE_OLDER).await,
                        false => *self.reconciled() = None,
                    }
                    match canaries {
                        true => self.ask_checks_for(LEAD).await,
                        false => tokio::time::sleep(LEAD).await,
                    }
                }
                Err(error) => {
                    tracing::warn!("rollouts cannot be led: {error}");
                    tokio::time::sleep(POLL).await;
                }
            }
        }
    }

    /// Leads rollouts until the lease has to be renewed.
    async fn lead_for_a_while(&self, words: &mut watch::Receiver<()>) {
        let began = Instant::now();
        if let Err(error) = self.look_after_all().await {
            tracing::warn!("what nodes and regions do is not seen: {error}");
        }
        while began.elapsed() < LEAD {
            let longest = match self.look().await {
                Ok(Step::Pause(missing)) => missing.clamp(SOONEST, POLL),
                Ok(_) => POLL,
                Err(error) => {
                    tracing::warn!("rollouts cannot be led: {error}");
                    POLL
                }
            };
            tokio::time::sleep(SPACING).await;
            next(words, longest).await;
        }
    }

    /// Does the leader's tasks besides rollouts: comparing heads, sampling metrics and removing
    /// regions.
    async fn look_after_all(&self) -> Result<(), ControlError> {
        if self.fleet_health.is_due() {
            let within = match self.control.lately_lacks_heads().await? {
                true => RECONCILE_OLDER,
                false => RECONCILE,
            };
            self.reconcile_heads(within).await;
            self.fleet_health.look(&self.control).await?;
        }
        self.forget_regions_if_due().await
    }

    /// Brings the heads up to the release log, unless that was done less than `within` ago.
    async fn reconcile_heads(&self, within: Duration) {
        if self.reconciled().is_some_and(|at| at.elapsed() < within) {
            return;
        }
        match self.control.reconcile_heads().await {
            Ok(()) => *self.reconciled() = Some(Instant::now()),
            Err(error) => tracing::warn!("the release log is not compared: {error}"),
        }
    }

    fn reconciled(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.reconciled
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Releases the lease, and waits before taking it again, if this node's own reports are missing
    /// or its reads too slow. Such a node cannot tell which nodes are silent; another one may.
    async fn step_back_if_blind(&self) {
        if !self.is_blind.swap(false, Relaxed) {
            return;
        }
        tracing::warn!("this node's own reports are missing; another one may lead rollouts");
        if let Err(error) = self.control.give_back_lead(&self.node).await {
            tracing::debug!("the lease runs out by itself: {error}");
        }
        tokio::time::sleep(LEAD * 2).await;
    }

    /// Leads every rollout as far as possible now. Returns the shortest wait.
    async fn look(&self) -> Result<Step, ControlError> {
        let mut outcome = Step::Wait;
        let open = self.control.open_rollouts().await?;
        self.forget_all_but(&open);
        for rollout in open {
            let (id, plugin) = (rollout.id.clone(), rollout.plugin.clone());
            let step = match self.lead_as_far_as_it_goes(rollout).await {
                Err(error) if error.is_transient() => return Err(error),
                // An error of one rollout must not stop the others.
                Err(error) => {
                    tracing::warn!(plugin, rollout = id, "a rollout cannot be led: {error}");
                    Step::Wait
                }
                Ok(step) => step,
            };
            outcome = match (outcome, step) {
                (Step::Pause(one), Step::Pause(other)) => Step::Pause(one.min(other)),
                (Step::Pause(missing), _) | (_, Step::Pause(missing)) => Step::Pause(missing),
                (_, _) => Step::Wait,
            };
        }
        Ok(outcome)
    }

    /// Leads one rollout until it waits for something or ends.
    async fn lead_as_far_as_it_goes(&self, mut rollout: Rollout) -> Result<Step, ControlError> {
        loop {
            match self.step(&rollout).await? {
                Step::Done => match self.control.rollout(&rollout.id).await? {
                    Some(again) if !again.phase.is_final() => rollout = again,
                    _ => return Ok(Step::Wait),
                },
                step => return Ok(step),
            }
        }
    }

    fn forget_all_but(&self, open: &[Rollout]) {
        let is_open = |id: &str| open.iter().any(|rollout| rollout.id == id);
        self.healthy_time.retain(is_open);
        self.checks.retain(is_open);
        self.all_left().retain(|(rollout, _), _| is_open(rollout));
    }

    async fn step(&self, rollout: &Rollout) -> Result<Step, ControlError> {
        self.decisions.begin(&rollout.plugin);
        let heads = self.control.wanted_of(&rollout.plugin).await?;
        match rollout.phase {
            Phase::Running | Phase::Canary | Phase::Promoting => self.lead(rollout, &heads).await,
            Phase::Failing => {
                let regions = self.control.rollout_regions(&rollout.id).await?;
                let in_failed = regions.into_iter().filter(|row| row.failed);
                let in_failed: BTreeSet<_> = in_failed.map(|row| row.region).collect();
                let failed = failed(rollout, &heads, &in_failed);
                self.lead_back(rollout, &heads, failed, Phase::Failed).await
            }
            Phase::Aborting => {
                let goes_back =
                    |head: &&Entry| is_changed(rollout, head) && !is_filled(rollout, head);
                let changed = heads.values().find(goes_back);
                self.lead_back(rollout, &heads, changed, Phase::Aborted)
                    .await
            }
            Phase::Done | Phase::Failed | Phase::Aborted | Phase::Other => Ok(Step::Wait),
        }
    }

    async fn sight(&self) -> Result<Sight, ControlError> {
        let asked = Instant::now();
        let nodes = self.control.nodes().await?;
        let observed = self.observer.note(&nodes, asked);
        self.is_blind.store(observed.is_none(), Relaxed);
        Ok(Sight { nodes, observed })
    }

    /// Takes the next step of a rollout, in the first region that is not in the desired state.
    async fn lead(
        &self,
        rollout: &Rollout,
        heads: &BTreeMap<String, Entry>,
    ) -> Result<Step, ControlError> {
        let sight = self.sight().await?;
        let Some(observed) = sight.observed else {
            return Ok(Step::Wait);
        };
        if rollout.phase != Phase::Promoting
            && let Some(reason) = fleet::verdict(&self.thresholds, rollout, heads, &sight.nodes)
        {
            return self.withdraw(rollout, &reason, Decision::Withdrawn).await;
        }
        let rows = self.control.rollout_regions(&rollout.id).await?;
        let (mut without_nodes, mut left_behind) = (Vec::new(), Vec::new());
        let plan = self.control.plan(&rollout.id).await?;
        let is_paused = plan.as_ref().is_some_and(|plan| plan.paused_by.is_some());
        for region in &rollout.regions {
            let head = heads.get(region);
            let wanted = wanted(rollout, head);
            let revision = match head {
                Some(head) if head.wanted == wanted => head.revision,
                head => head.map_or(0, |head| head.revision) + 1,
            };
            let began = rows
                .iter()
                .find(|row| row.region == *region && row.revision == revision);
            let is_written = head.is_some_and(|head| head.wanted == wanted);
            if is_paused && !is_written {
                return Ok(Step::Wait);
            }
            let Some(row) = began else {
                return self
                    .begin(rollout, region, revision, &rows, &sight.nodes)
                    .await;
            };
            let Some(head) = head.filter(|head| head.wanted == wanted) else {
                return self.write(rollout, region, head, wanted, "").await;
            };
            let view = View {
                rollout,
                head,
                row,
                nodes: &sight.nodes,
                observed,
            };
            if row.max_unavailable == MaxUnavailable::Any {
                left_behind.extend(behind(rollout, head, &sight.nodes));
            }
            match self.progress(&view).await? {
                Progress::Served => {}
                Progress::NoNodes => without_nodes.push(region.as_str()),
                Progress::Wait => return Ok(Step::Wait),
                Progress::Pause(missing) => return Ok(Step::Pause(missing)),
                Progress::Failed(reason) => return self.fail(rollout, row, &reason).await,
            }
        }
        if rollout.phase == Phase::Canary {
            let plan = plan.as_ref();
            return self.lead_canary(rollout, plan, heads, &sight.nodes).await;
        }
        if is_paused {
            return Ok(Step::Wait);
        }
        let reason = end_reason(&without_nodes, &left_behind);
        self.finish(rollout, heads, &reason).await
    }

    /// Records the expected nodes of a region before it gets the release, so that a node that takes
    /// over the lead later knows which of them are missing.
    async fn begin(
        &self,
        rollout: &Rollout,
        region: &str,
        revision: i64,
        rows: &[RolloutRegion],
        nodes: &[NodeRecord],
    ) -> Result<Step, ControlError> {
        let at_start = rows
            .iter()
            .find(|row| row.region == region && row.revision == AT_START);
        let known = at_start.map_or(&[][..], |row| &row.nodes);
        let expected = expected_nodes(nodes, region, known);
        // A host of an older version writes no rows when a rollout begins.
        let max_unavailable = at_start.map_or(MaxUnavailable::Nodes(0), |row| row.max_unavailable);
        let new = NewRolloutRegion {
            rollout: &rollout.id,
            region,
            revision,
            nodes: &expected,
            max_unavailable,
        };
        self.control.add_rollout_region(new).await?;
        Ok(Step::Done)
    }

    async fn fail(
        &self,
        rollout: &Rollout,
        row: &RolloutRegion,
        reason: &str,
    ) -> Result<Step, ControlError> {
        // The regions are marked first, so that any node that continues finds what to revert.
        match goes_back_whole(rollout) {
            true => self.control.fail_rollout(&rollout.id).await?,
            false => self.control.fail_rollout_region(&rollout.id, row).await?,
        }
        let reason = format!("region {}: {reason}", row.region);
        self.control
            .move_rollout(rollout, Phase::Failing, &reason)
            .await?;
        Ok(Step::Done)
    }

    /// Ends a phase in which every region has reached the desired state.
    async fn finish(
        &self,
        rollout: &Rollout,
        heads: &BTreeMap<String, Entry>,
        reason: &str,
    ) -> Result<Step, ControlError> {
        let on_trial = |head: &Entry| head.rollout == rollout.id && head.wanted.canary.is_some();
        let next = match rollout.phase {
            Phase::Running if heads.values().any(on_trial) => Phase::Canary,
            _ => Phase::Done,
        };
        self.control.move_rollout(rollout, next, reason).await?;
        Ok(Step::Done)
    }

    /// Withdraws a canary that does worse, and reverts all changes of the rollout.
    pub(super) async fn withdraw(
        &self,
        rollout: &Rollout,
        reason: &str,
        decision: Decision,
    ) -> Result<Step, ControlError> {
        let control = &self.control;
        control.fail_rollout(&rollout.id).await?;
        if control
            .move_rollout(rollout, Phase::Failing, reason)
            .await?
        {
            self.decisions.count(&rollout.plugin, decision);
            tracing::warn!(plugin = rollout.plugin, "{reason}; it is withdrawn");
        }
        Ok(Step::Done)
    }

    /// Reverts the change of one region. Once none is left and the nodes have followed, or their
    /// time is over, ends the rollout in the phase `end`.
    async fn lead_back(
        &self,
        rollout: &Rollout,
        heads: &BTreeMap<String, Entry>,
        changed: Option<&Entry>,
        end: Phase,
    ) -> Result<Step, ControlError> {
        if let Some(head) = changed {
            return self.undo(rollout, head, &rollout.reason).await;
        }
        let mut reason = rollout.reason.clone();
        let undone = heads.values().filter(|head| is_undone(rollout, head));
        let sight = self.sight().await?;
        let Some(observed) = sight.observed else {
            return Ok(Step::Wait);
        };
        for head in undone {
            let behind = behind(rollout, head, &sight.nodes);
            if behind.is_empty() {
                continue;
            }
            // Time in which the database could not be read does not count.
            if head.age().min(observed) < BACK {
                return Ok(Step::Wait);
            }
            let (region, limit) = (&head.region, BACK.as_secs());
            let behind = behind.join(", ");
            reason += &format!("; in region {region}, within {limit} s, did not go back: {behind}");
        }
        if heads.values().any(|head| is_filled(rollout, head)) {
            reason += "; the region asks for it all the same: its nodes go on trying, and those \
                       that never served it take no customers";
        }
        self.control.move_rollout(rollout, end, &reason).await?;
        Ok(Step::Done)
    }

    async fn undo(
        &self,
        rollout: &Rollout,
        head: &Entry,
        reason: &str,
    ) -> Result<Step, ControlError> {
        let wanted = self.control.wanted_before(rollout, head).await?;
        let reason = format!("{UNDONE}{reason}");
        self.write(rollout, &head.region, Some(head), wanted, &reason)
            .await
    }

    async fn write(
        &self,
        rollout: &Rollout,
        region: &str,
        head: Option<&Entry>,
        wanted: Wanted,
        reason: &str,
    ) -> Result<Step, ControlError> {
        // If another node was first, the log has changed all the same.
        let after = head.map_or(0, |head| head.revision);
        self.control
            .append_for(rollout, region, after, wanted, reason)
            .await?;
        self.wake.log_changed(region).await;
        Ok(Step::Done)
    }

    async fn progress(&self, view: &View<'_>) -> Result<Progress, ControlError> {
        let (rollout, row) = (view.rollout, view.row);
        let health = health(view);
        if health != Health::Healthy {
            self.healthy_time.interrupt(&rollout.id, row);
        }
        let left_since = self.left_since(view, &health);
        Ok(match health {
            Health::NoNodes => Progress::NoNodes,
            Health::Wait => Progress::Wait,
            Health::Failed(reason) => Progress::Failed(reason),
            Health::AllLeft if left_since < LONGEST => Progress::Wait,
            Health::AllLeft => Progress::Failed(format!(
                "all its nodes have left, and none came within {} s",
                LONGEST.as_secs()
            )),
            Health::Healthy => {
                if let Some(reason) = self.does_worse(view) {
                    return Ok(Progress::Failed(reason));
                }
                let pause = rollout.pause();
                let noted = self
                    .healthy_time
                    .note(&self.control, &rollout.id, row, pause);
                noted.await?.map_or(Progress::Served, Progress::Pause)
            }
        })
    }

    /// Returns the time for which this node has seen the region without any node; zero if it has
    /// nodes.
    fn left_since(&self, view: &View<'_>, health: &Health) -> Duration {
        let key = (view.rollout.id.clone(), view.row.region.clone());
        let mut all_left = self.all_left();
        if *health != Health::AllLeft {
            all_left.remove(&key);
            return Duration::ZERO;
        }
        all_left.entry(key).or_insert_with(Instant::now).elapsed()
    }

    fn all_left(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), Instant>> {
        self.all_left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns in what way the release does worse in a region than the previous one, if it does. A
    /// region that ran the release before the rollout is not judged, nor is a rollout without a
    /// pause.
    fn does_worse(&self, view: &View<'_>) -> Option<String> {
        let (rollout, head) = (view.rollout, view.head);
        let is_new = head.rollout == rollout.id && head.wanted.canary.is_none();
        if !is_new || rollout.pause().is_zero() {
            return None;
        }
        let (mut new, mut old) = (Record::default(), Record::default());
        let of_region = view
            .nodes
            .iter()
            .filter(|node| node.region == head.region && node.is_live());
        for report in of_region.filter_map(|node| node.report.plugins.get(&rollout.plugin)) {
            let active = report.active.as_ref().map(Record::from);
            let before = report.before.as_ref().map(Record::from);
            new = new.and(active.unwrap_or_default());
            old = old.and(before.unwrap_or_default());
        }
        self.margins.judge(new, old)
    }
}

/// Returns the reason of a rollout that is done: regions where no node serves the release, and
/// nodes that did not follow where none has to.
fn end_reason(without_nodes: &[&str], left_behind: &[String]) -> String {
    let mut reasons = Vec::new();
    if !without_nodes.is_empty() {
        reasons.push(format!(
            "no node serves it in {}: it is in the release log, and nodes that start there begin \
             with it",
            without_nodes.join(", ")
        ));
    }
    if !left_behind.is_empty() {
        let nodes = left_behind.join(", ");
        reasons.push(format!("did not follow, and go on trying: {nodes}"));
    }
    reasons.join("; ")
}

/// Returns the desired state of a region while the rollout is in progress.
fn wanted(rollout: &Rollout, head: Option<&Entry>) -> Wanted {
    let active = head.and_then(|head| head.wanted.active);
    let is_trial = rollout.has_canary() && rollout.phase != Phase::Promoting;
    match rollout.digest.filter(|_| is_trial && active.is_some()) {
        // The release serves already, so there is no canary.
        Some(digest) if active == Some(digest) => Wanted::only(active),
        Some(digest) => Wanted {
            active,
            canary: Some(WantedCanary {
                digest,
                percent: rollout.canary_percent,
            }),
        },
        // Without an active release there is nothing to compare a canary with.
        None => Wanted::only(rollout.digest),
    }
}
