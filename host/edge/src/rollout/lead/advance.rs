//! One step of a rollout towards its end: in the first region that is not in the
//! desired state, or, once all are, into the next phase.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

use super::controller::{RolloutController, Step};
use super::fleet;
use super::region_health::{View, behind};
use super::region_progress::Progress;
use super::revert::goes_back_whole;
use crate::rollout::canary::decisions::Decision;
use crate::rollout::control::ControlError;
use crate::rollout::control::log::{DesiredCanary, DesiredState, Entry};
use crate::rollout::control::nodes::NodeRecord;
use crate::rollout::control::rollouts::{
    AT_START, MaxUnavailable, NewRolloutRegion, Phase, PlanRecord, Rollout, RolloutRegion,
    expected_nodes,
};

/// State of a rollout before a step.
struct RolloutState<'a> {
    rollout: &'a Rollout,
    heads: &'a BTreeMap<String, Entry>,
    rows: &'a [RolloutRegion],
    plan: Option<&'a PlanRecord>,
    nodes: &'a [NodeRecord],
    /// Time for which reports were read without a gap.
    observed: Duration,
}

impl RolloutState<'_> {
    fn is_paused(&self) -> bool {
        self.plan.is_some_and(|plan| plan.paused_by.is_some())
    }

    fn row(&self, region: &str, revision: i64) -> Option<&RolloutRegion> {
        let mut rows = self.rows.iter();
        rows.find(|row| row.region == region && row.revision == revision)
    }
}

/// Regions and nodes that do not serve the release of a rollout that is done.
#[derive(Default)]
struct Exceptions<'a> {
    regions_without_nodes: Vec<&'a str>,
    /// Nodes that did not follow where none has to.
    nodes_behind: Vec<String>,
}

impl RolloutController {
    /// Takes the next step of a rollout.
    pub(super) async fn advance(
        &self,
        rollout: &Rollout,
        heads: &BTreeMap<String, Entry>,
    ) -> Result<Step, ControlError> {
        let observation = self.observe().await?;
        let Some(observed) = observation.observed else {
            return Ok(Step::Wait);
        };
        let nodes = &observation.nodes;
        if rollout.phase != Phase::Promoting
            && let Some(reason) = fleet::verdict(&self.thresholds, rollout, heads, nodes)
        {
            return self.withdraw(rollout, &reason, Decision::Withdrawn).await;
        }
        let rows = self.control.rollout_regions(&rollout.id).await?;
        let plan = self.control.plan(&rollout.id).await?;
        let state = RolloutState {
            rollout,
            heads,
            rows: &rows,
            plan: plan.as_ref(),
            nodes,
            observed,
        };
        let mut exceptions = Exceptions::default();
        for region in &rollout.regions {
            let led = self.lead_region(&state, region, &mut exceptions);
            if let ControlFlow::Break(step) = led.await? {
                return Ok(step);
            }
        }
        if rollout.phase == Phase::Canary {
            return self.lead_canary(rollout, plan.as_ref(), heads, nodes).await;
        }
        if state.is_paused() {
            return Ok(Step::Wait);
        }
        self.finish(rollout, heads, &exceptions.reason()).await
    }

    /// Takes the next step in one region, if it is not in the desired state.
    async fn lead_region<'a>(
        &self,
        state: &RolloutState<'a>,
        region: &'a str,
        exceptions: &mut Exceptions<'a>,
    ) -> Result<ControlFlow<Step>, ControlError> {
        let rollout = state.rollout;
        let head = state.heads.get(region);
        let desired = desired_state(rollout, head);
        let written = head.filter(|head| head.desired == desired);
        if state.is_paused() && written.is_none() {
            return Ok(ControlFlow::Break(Step::Wait));
        }
        let after = head.map_or(0, |head| head.revision);
        let revision = written.map_or(after + 1, |head| head.revision);
        let Some(row) = state.row(region, revision) else {
            let begun = self.begin(state, region, revision).await;
            return begun.map(ControlFlow::Break);
        };
        let Some(head) = written else {
            let written = self.write(rollout, region, head, desired, "").await;
            return written.map(ControlFlow::Break);
        };
        let view = View {
            rollout,
            head,
            row,
            nodes: state.nodes,
            observed: state.observed,
        };
        if row.max_unavailable == MaxUnavailable::Any {
            let behind = behind(rollout, head, state.nodes);
            exceptions.nodes_behind.extend(behind);
        }
        Ok(match self.progress(&view).await? {
            Progress::Served => ControlFlow::Continue(()),
            Progress::NoNodes => {
                exceptions.regions_without_nodes.push(region);
                ControlFlow::Continue(())
            }
            Progress::Wait => ControlFlow::Break(Step::Wait),
            Progress::Pause(missing) => ControlFlow::Break(Step::Pause(missing)),
            Progress::Failed(reason) => ControlFlow::Break(self.fail(rollout, row, &reason).await?),
        })
    }

    /// Records the expected nodes of a region before it gets the release, so that a node that takes
    /// over the lead later knows which of them are missing.
    async fn begin(
        &self,
        state: &RolloutState<'_>,
        region: &str,
        revision: i64,
    ) -> Result<Step, ControlError> {
        let at_start = state.row(region, AT_START);
        let known = at_start.map_or(&[][..], |row| &row.nodes);
        let expected = expected_nodes(state.nodes, region, known);
        // A host of an older version writes no rows when a rollout begins.
        let max_unavailable = at_start.map_or(MaxUnavailable::Nodes(0), |row| row.max_unavailable);
        let new = NewRolloutRegion {
            rollout: &state.rollout.id,
            region,
            revision,
            nodes: &expected,
            max_unavailable,
        };
        self.control.add_rollout_region(new).await?;
        Ok(Step::Done)
    }

    /// Marks a region as failed, or all of them if the rollout is reverted as a whole.
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
        let has_canary = |head: &Entry| head.rollout == rollout.id && head.desired.canary.is_some();
        let next = match rollout.phase {
            Phase::Running if heads.values().any(has_canary) => Phase::Canary,
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

    /// Writes an entry for a region, and wakes the region's nodes.
    pub(super) async fn write(
        &self,
        rollout: &Rollout,
        region: &str,
        head: Option<&Entry>,
        desired: DesiredState,
        reason: &str,
    ) -> Result<Step, ControlError> {
        // If another node was first, the log has changed all the same.
        let after = head.map_or(0, |head| head.revision);
        self.control
            .append_for(rollout, region, after, desired, reason)
            .await?;
        self.notifier.log_changed(region).await;
        Ok(Step::Done)
    }
}

impl Exceptions<'_> {
    /// Returns the reason of a rollout that is done; empty if every region serves it on all nodes.
    fn reason(&self) -> String {
        let mut reasons = Vec::new();
        if !self.regions_without_nodes.is_empty() {
            reasons.push(format!(
                "no node serves it in {}: it is in the release log, and nodes that start there \
                 begin with it",
                self.regions_without_nodes.join(", ")
            ));
        }
        if !self.nodes_behind.is_empty() {
            let nodes = self.nodes_behind.join(", ");
            reasons.push(format!("did not follow, and go on trying: {nodes}"));
        }
        reasons.join("; ")
    }
}

/// Returns the desired state of a region while the rollout is in progress.
fn desired_state(rollout: &Rollout, head: Option<&Entry>) -> DesiredState {
    let active = head.and_then(|head| head.desired.active);
    let has_canary = rollout.has_canary() && rollout.phase != Phase::Promoting;
    match rollout.digest.filter(|_| has_canary && active.is_some()) {
        // The release serves already, so there is no canary.
        Some(digest) if active == Some(digest) => DesiredState::only(active),
        Some(digest) => DesiredState {
            active,
            canary: Some(DesiredCanary {
                digest,
                percent: rollout.canary_percent,
            }),
        },
        // Without an active release there is nothing to compare a canary with.
        None => DesiredState::only(rollout.digest),
    }
}
