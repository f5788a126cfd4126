//! The rollout controller, which brings the release log of each region to the state that a rollout
//! asks for.
//!
//! Any node can lead: the next step follows from the rollout, the log and the nodes' reports, all
//! in the control database, and each step is one statement that succeeds for one node alone. One
//! node at a time leads, by a lease, so that the others need not poll. If the leader ends in the
//! middle of a rollout, another node continues within seconds.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::fleet_health::FleetHealth;
use super::healthy_time::HealthyTime;
use super::observer::Observer;
use super::revert::{failed, is_changed, is_filled};
use crate::rollout::canary::Thresholds;
use crate::rollout::canary::analysis::ReleaseThresholds;
use crate::rollout::canary::decisions::Decisions;
use crate::rollout::check::Checks;
use crate::rollout::control::leader::Lead;
use crate::rollout::control::log::Entry;
use crate::rollout::control::nodes::NodeRecord;
use crate::rollout::control::notifier::{Notifier, next};
use crate::rollout::control::rollouts::{Phase, Rollout};
use crate::rollout::control::{Control, ControlError};

/// Interval at which the leader polls rollouts without a notification.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Interval at which the other nodes try to take the lease, and the leader renews it.
const LEASE_RENEWAL: Duration = Duration::from_secs(3);

/// Interval at which the leader compares the heads with the release log.
const RECONCILE_INTERVAL: Duration = Duration::from_mins(5);
/// Interval at which heads are compared while nodes of older host versions may write the log.
const RECONCILE_INTERVAL_OLDER: Duration = Duration::from_secs(15);

/// Minimum time between two passes over the rollouts, however many nodes report.
const MIN_PASS_INTERVAL: Duration = Duration::from_millis(50);

/// Minimum wait before a rollout that only waits for time to pass is looked at again.
const MIN_WAIT: Duration = Duration::from_millis(50);

/// The task that leads rollouts while this node holds the lease.
pub struct RolloutController {
    /// Name of this node.
    pub(super) node: String,
    pub(super) control: Arc<Control>,
    pub(super) notifier: Arc<Notifier>,
    pub(super) release_thresholds: ReleaseThresholds,
    observer: Observer,
    /// True if this node's own reports were missing or its reads too slow at the last pass.
    is_blind: AtomicBool,
    pub(super) healthy_time: HealthyTime,
    /// Time since which a region has had no nodes, by rollout ID and region.
    all_left: Mutex<HashMap<(String, String), Instant>>,
    pub(super) thresholds: Thresholds,
    pub(super) checks: Arc<Checks>,
    pub(super) decisions: Arc<Decisions>,
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

/// The nodes' last reports.
pub(super) struct Observation {
    pub(super) nodes: Vec<NodeRecord>,
    /// Time for which reports were read without a gap; `None` if this node cannot judge now whether
    /// other nodes are silent.
    pub(super) observed: Option<Duration>,
}

impl RolloutController {
    /// Returns a rollout controller over `control`, on the node of this name.
    #[must_use]
    pub fn new(
        node: String,
        control: Arc<Control>,
        notifier: Arc<Notifier>,
        release_thresholds: ReleaseThresholds,
        thresholds: Thresholds,
        checks: Arc<Checks>,
        decisions: Arc<Decisions>,
    ) -> Self {
        Self {
            observer: Observer::new(node.clone()),
            node,
            control,
            notifier,
            release_thresholds,
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

    pub(super) fn all_left(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), Instant>> {
        self.all_left.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut notifications = self.notifier.subscribe_lead();
        loop {
            match self.control.take_lead(&self.node).await {
                Ok(Lead::Here) => {
                    self.lead_for_a_while(&mut notifications).await;
                    self.step_back_if_blind().await;
                }
                Ok(Lead::Elsewhere {
                    canaries,
                    lacks_heads,
                }) => {
                    self.fleet_health.forget();
                    match lacks_heads {
                        true => self.reconcile_heads(RECONCILE_INTERVAL_OLDER).await,
                        false => *self.reconciled() = None,
                    }
                    match canaries {
                        true => self.ask_checks_for(LEASE_RENEWAL).await,
                        false => tokio::time::sleep(LEASE_RENEWAL).await,
                    }
                }
                Err(error) => {
                    tracing::warn!("rollouts cannot be led: {error}");
                    tokio::time::sleep(POLL_INTERVAL).await;
                }
            }
        }
    }

    /// Leads rollouts until the lease has to be renewed.
    async fn lead_for_a_while(&self, notifications: &mut watch::Receiver<()>) {
        let began = Instant::now();
        if let Err(error) = self.look_after_all().await {
            tracing::warn!("nodes and regions cannot be observed: {error}");
        }
        while began.elapsed() < LEASE_RENEWAL {
            let longest = match self.look().await {
                Ok(Step::Pause(missing)) => missing.clamp(MIN_WAIT, POLL_INTERVAL),
                Ok(_) => POLL_INTERVAL,
                Err(error) => {
                    tracing::warn!("rollouts cannot be led: {error}");
                    POLL_INTERVAL
                }
            };
            tokio::time::sleep(MIN_PASS_INTERVAL).await;
            next(notifications, longest).await;
        }
    }

    /// Does the leader's tasks besides rollouts: comparing heads, sampling metrics and removing
    /// regions.
    async fn look_after_all(&self) -> Result<(), ControlError> {
        if self.fleet_health.is_due() {
            let within = match self.control.lately_lacks_heads().await? {
                true => RECONCILE_INTERVAL_OLDER,
                false => RECONCILE_INTERVAL,
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
            Err(error) => {
                tracing::warn!("the heads cannot be compared with the release log: {error}")
            }
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
        tokio::time::sleep(LEASE_RENEWAL * 2).await;
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
        let heads = self.control.desired_of(&rollout.plugin).await?;
        match rollout.phase {
            Phase::Running | Phase::Canary | Phase::Promoting => {
                self.advance(rollout, &heads).await
            }
            Phase::Failing => {
                let regions = self.control.rollout_regions(&rollout.id).await?;
                let in_failed = regions.into_iter().filter(|row| row.failed);
                let in_failed: BTreeSet<_> = in_failed.map(|row| row.region).collect();
                let failed = failed(rollout, &heads, &in_failed);
                self.revert(rollout, &heads, failed, Phase::Failed).await
            }
            Phase::Aborting => {
                let is_to_revert =
                    |head: &&Entry| is_changed(rollout, head) && !is_filled(rollout, head);
                let changed = heads.values().find(is_to_revert);
                self.revert(rollout, &heads, changed, Phase::Aborted).await
            }
            Phase::Done | Phase::Failed | Phase::Aborted | Phase::Other => Ok(Step::Wait),
        }
    }

    /// Reads the nodes' reports.
    pub(super) async fn observe(&self) -> Result<Observation, ControlError> {
        let asked = Instant::now();
        let nodes = self.control.nodes().await?;
        let observed = self.observer.note(&nodes, asked);
        self.is_blind.store(observed.is_none(), Relaxed);
        Ok(Observation { nodes, observed })
    }
}
