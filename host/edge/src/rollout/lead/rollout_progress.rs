//! Progress of rollouts and their canaries, as operators see it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::fleet::{self, Fleet};
use super::steps::{Next, Situation};
use crate::rollout::canary::{Count, Lane, Thresholds, p_value};
use crate::rollout::check::Answer;
use crate::rollout::control::log::Entry;
use crate::rollout::control::nodes::NodeRecord;
use crate::rollout::control::rollouts::{Phase, PlanRecord, Rollout};

/// The progress of a rollout, as the admin API shows it to operators.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RolloutProgress {
    /// ID of the rollout.
    pub rollout: String,
    /// Name of the plugin.
    pub plugin: String,
    /// Operator who paused the rollout; `None` while it is not paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_by: Option<String>,
    /// Progress of the canary; `None` while there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanaryProgress>,
    /// Reason why this node cannot read the rollout's plan, such as a format of a newer host
    /// version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// The progress of a canary on all nodes together.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CanaryProgress {
    /// Percentage of the clients that the canary serves.
    pub percent: u8,
    /// Percentages of the clients that the canary goes through.
    pub steps: Vec<u8>,
    /// Time for which the canary has been healthy at the current step, in milliseconds.
    pub healthy_ms: u64,
    /// Number of live nodes that serve the canary.
    pub nodes: usize,
    /// Number of the canary's requests that were compared since it began.
    pub compared: u64,
    /// Number of the canary's requests that were compared at the current step.
    pub compared_at_step: u64,
    /// Number of the canary's requests that have to be compared at each step, and before any
    /// verdict.
    pub needed: u64,
    /// Anytime-valid p-value: the probability of evidence at least this strong against a canary
    /// that does no worse, however often it is evaluated.
    pub p_value: f64,
    /// Summary of the comparison in words.
    pub evidence: String,
    /// Compared and failed requests by route.
    pub routes: BTreeMap<String, Errors>,
    /// Last answer of the check; `None` without a check or an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Answer>,
    /// Description of what the canary waits for.
    pub waits_for: String,
}

/// Compared requests of both releases, and how many of them failed.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Errors {
    /// Requests of the canary.
    pub canary: Count,
    /// Requests of the active release.
    pub active: Count,
}

impl From<&Lane> for Errors {
    fn from(lane: &Lane) -> Self {
        Self {
            canary: lane.errors.canary,
            active: lane.errors.active,
        }
    }
}

impl RolloutProgress {
    /// Returns the progress of `rollout`, from its plan and the nodes' reports.
    #[must_use]
    pub fn new(
        rollout: &Rollout,
        record: Option<&PlanRecord>,
        heads: &BTreeMap<String, Entry>,
        nodes: &[NodeRecord],
        thresholds: &Thresholds,
        interval: Duration,
    ) -> Self {
        let has_canary = rollout.has_canary() && rollout.phase.precedes_promotion();
        let record = record.filter(|_| !rollout.phase.is_final());
        let canary = record.filter(|_| has_canary);
        Self {
            rollout: rollout.id.clone(),
            plugin: rollout.plugin.clone(),
            paused_by: record.and_then(|record| record.paused_by.clone()),
            canary: canary.map(|record| {
                let fleet = fleet::compared(rollout, heads, nodes);
                CanaryProgress::new(rollout, record, &fleet, thresholds, interval)
            }),
            problem: None,
        }
    }

    /// Returns the progress of a `rollout` whose plan cannot be read, with the reason `problem`.
    #[must_use]
    pub fn unreadable(rollout: &Rollout, problem: String) -> Self {
        Self {
            rollout: rollout.id.clone(),
            plugin: rollout.plugin.clone(),
            paused_by: None,
            canary: None,
            problem: Some(problem),
        }
    }
}

impl CanaryProgress {
    fn new(
        rollout: &Rollout,
        record: &PlanRecord,
        fleet: &Fleet,
        thresholds: &Thresholds,
        interval: Duration,
    ) -> Self {
        let Fleet { nodes, totals, .. } = fleet;
        let situation = Situation {
            rollout,
            record,
            compared: record.compared_at_step(fleet.at_step, fleet.totals.compared()),
            needed: thresholds.requests,
            interval,
        };
        let waits_for = match (rollout.phase, situation.next()) {
            (Phase::Running, _) => "every region to serve it".to_owned(),
            (_, Next::Wait(reason)) => reason,
            (_, Next::Raise(percent)) => format!("nothing: it goes to {percent} % now"),
            (_, Next::Promote) => "nothing: it is promoted now".to_owned(),
            (_, Next::Withdraw(reason)) => format!("nothing: it is withdrawn now: {reason}"),
        };
        let healthy = record.step_age(rollout).as_millis();
        Self {
            percent: rollout.canary_percent,
            steps: record.plan.steps.clone(),
            healthy_ms: u64::try_from(healthy).unwrap_or(u64::MAX),
            nodes: *nodes,
            compared: totals.compared(),
            compared_at_step: situation.compared,
            needed: thresholds.requests,
            p_value: p_value(totals),
            evidence: totals.to_string(),
            routes: totals
                .routes
                .iter()
                .map(|(route, lane)| (route.clone(), lane.into()))
                .collect(),
            check: situation.last_answer(),
            waits_for,
        }
    }
}
