//! Decisions on the next step of a canary, and its progress as operators see it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::fleet::{self, Fleet};
use crate::rollout::canary::{Count, Lane, Thresholds, p_value};
use crate::rollout::check::{Answer, Verdict};
use crate::rollout::control::log::Entry;
use crate::rollout::control::nodes::NodeRecord;
use crate::rollout::control::rollouts::{Phase, PlanRecord, Rollout, describe_failures};

/// Number of check intervals after which the last answer of a check is too old to act on.
const FRESH: u32 = 3;

/// The next step of a canary that serves in all of its regions.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::rollout) enum Next {
    /// The canary waits, for this reason.
    Wait(String),
    /// The canary's share is raised to this percentage of the clients.
    Raise(u8),
    /// The canary is promoted to all clients.
    Promote,
    /// The canary is withdrawn because the check says so, for this reason.
    Withdraw(String),
}

/// The inputs of the decision on a canary's next step.
pub(in crate::rollout) struct Situation<'a> {
    pub(in crate::rollout) rollout: &'a Rollout,
    pub(in crate::rollout) record: &'a PlanRecord,
    /// Number of the canary's requests that were compared at the current step.
    pub(in crate::rollout) compared: u64,
    /// Number of the canary's requests that have to be compared at each step.
    pub(in crate::rollout) needed: u64,
    /// Interval at which external checks are queried.
    pub(in crate::rollout) interval: Duration,
}

impl Situation<'_> {
    pub(in crate::rollout) fn next(&self) -> Next {
        let Self {
            rollout, record, ..
        } = self;
        let percent = rollout.canary_percent;
        if let Some(reason) = self.withdrawn() {
            return Next::Withdraw(reason);
        }
        if let Some(author) = &record.paused_by {
            return Next::Wait(format!("somebody to resume it: {author} paused it"));
        }
        let is_promoted = self.answered(Verdict::Promote);
        let due_after = record.plan.due_after(percent);
        let Some(due_after) = due_after.or(is_promoted.then_some(Duration::ZERO)) else {
            return Next::Wait(format!("`edge promote {}`", rollout.plugin));
        };
        let compared = self.compared;
        if compared < self.needed {
            let needed = self.needed;
            return Next::Wait(format!(
                "{needed} compared requests at this step; there are {compared}"
            ));
        }
        if is_promoted {
            return Next::Promote;
        }
        let left = due_after.saturating_sub(record.step_age(rollout));
        if !left.is_zero() {
            let left = Duration::from_secs(left.as_secs() + 1);
            return Next::Wait(format!("{} to pass", humantime::format_duration(left)));
        }
        if let Some(reason) = self.unanswered() {
            return Next::Wait(reason);
        }
        record
            .plan
            .next_step(percent)
            .map_or(Next::Promote, Next::Raise)
    }

    /// Returns the reason of the check for withdrawing the canary, if the check says so.
    fn withdrawn(&self) -> Option<String> {
        let check = self.record.plan.check.as_ref()?;
        let (answer, at) = self.record.answer.as_ref()?;
        let is_this = *at >= self.rollout.started_at && answer.verdict == Verdict::Withdraw;
        is_this.then(|| format!("the check {} says: {}", check.url(), answer.reason))
    }

    fn is_fresh(&self, at: i64) -> bool {
        let age = u64::try_from(self.record.now - at).unwrap_or(0);
        let began = self.record.stepped_at.max(self.rollout.changed_at);
        at >= began && Duration::from_millis(age) <= self.interval * FRESH
    }

    fn answered(&self, verdict: Verdict) -> bool {
        let answer = self.record.answer.as_ref();
        let answer = answer.filter(|_| self.record.plan.check.is_some());
        answer.is_some_and(|(answer, at)| answer.verdict == verdict && self.is_fresh(*at))
    }

    /// Returns a description of the answer that the canary waits for; `None` if there is no check,
    /// or its last answer is recent and says `continue`.
    fn unanswered(&self) -> Option<String> {
        let check = self.record.plan.check.as_ref()?;
        if self.answered(Verdict::Continue) {
            return None;
        }
        let url = check.url();
        Some(match self.last_answer() {
            Some(answer) if answer.verdict == Verdict::Unknown => {
                format!("the check {url}: {}", answer.reason)
            }
            _ => format!("an answer of the check {url}"),
        })
    }

    /// Returns the last answer of the check. If that answer is out of date or missing, and nodes
    /// cannot query the check, returns the reasons of those nodes.
    fn last_answer(&self) -> Option<Answer> {
        self.record.plan.check.as_ref()?;
        let last = self.record.answer.as_ref();
        let failures = describe_failures(&self.record.failures);
        match (last, failures) {
            (Some((answer, at)), _) if self.is_fresh(*at) => Some(answer.clone()),
            (_, Some(reason)) => Some(Answer {
                verdict: Verdict::Unknown,
                reason,
            }),
            (last, None) => last.map(|(answer, _)| answer.clone()),
        }
    }
}

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
    pub check: Option<crate::rollout::check::Answer>,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::check::Check;
    use crate::rollout::control::rollouts::Plan;
    use bundle::Digest;

    fn rollout(percent: u8) -> Rollout {
        Rollout {
            id: "1".to_owned(),
            plugin: "hello".to_owned(),
            digest: Some(Digest::of(b"new")),
            regions: vec!["here".to_owned()],
            canary_percent: percent,
            pause_ms: 0,
            phase: Phase::Canary,
            reason: String::new(),
            author: "tester".to_owned(),
            started_at: 1000,
            changed_at: 2000,
        }
    }

    fn record(now: i64) -> PlanRecord {
        PlanRecord {
            plan: Plan {
                steps: vec![1, 10],
                every_ms: 5000,
                promote_after_ms: Some(60_000),
                check: None,
            },
            stepped_at: 1000,
            compared: 100,
            asked_at: 0,
            answer: None,
            failures: Vec::new(),
            paused_by: None,
            now,
        }
    }

    fn next(percent: u8, record: &PlanRecord, compared: u64) -> Next {
        let situation = Situation {
            rollout: &rollout(percent),
            record,
            compared: compared - record.compared,
            needed: 50,
            interval: Duration::from_secs(10),
        };
        situation.next()
    }

    fn waits(percent: u8, record: &PlanRecord, compared: u64, reason: &str) {
        match next(percent, record, compared) {
            Next::Wait(found) => assert!(found.contains(reason), "{found}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_step_takes_its_time_and_requests() {
        waits(1, &record(6000), 150, "2s to pass");
        waits(
            1,
            &record(7001),
            149,
            "50 compared requests at this step; there are 49",
        );
        assert_eq!(next(1, &record(7001), 150), Next::Raise(10));
        waits(10, &record(61_999), 150, "to pass");
        assert_eq!(next(10, &record(62_000), 150), Next::Promote);
    }

    #[test]
    fn no_traffic_promotes_nothing() {
        waits(10, &record(i64::MAX / 2), 100, "there are 0");
    }

    #[test]
    fn without_a_time_an_operator_decides() {
        let mut record = record(1_000_000);
        record.plan.promote_after_ms = None;
        waits(10, &record, 1000, "`edge promote hello`");
    }

    #[test]
    fn a_paused_one_waits_for_somebody() {
        let mut record = record(1_000_000);
        record.paused_by = Some("ada".to_owned());
        waits(10, &record, 1000, "ada paused it");
    }

    #[test]
    fn a_check_is_heard_before_each_step() {
        let mut record = record(70_000);
        record.plan.check = Some(Check::Webhook {
            url: "http://hook".to_owned(),
        });
        waits(10, &record, 1000, "an answer of the check http://hook");
        let mut answer = |verdict, at| {
            let reason = "because".to_owned();
            record.answer = Some((Answer { verdict, reason }, at));
            next(10, &record, 1000)
        };
        assert_eq!(answer(Verdict::Continue, 65_000), Next::Promote);
        assert!(
            matches!(answer(Verdict::Continue, 30_000), Next::Wait(_)),
            "too old"
        );
        assert!(
            matches!(answer(Verdict::Unknown, 65_000), Next::Wait(reason) if reason.contains("because"))
        );
        assert!(
            matches!(answer(Verdict::Withdraw, 1500), Next::Withdraw(reason) if reason.contains("because"))
        );
        // An answer of an earlier rollout cannot occur, since rows belong to one rollout.
        record.now = 20_000;
        record.answer = Some((
            Answer {
                verdict: Verdict::Promote,
                reason: String::new(),
            },
            19_000,
        ));
        assert_eq!(next(1, &record, 1000), Next::Promote, "before it is due");
        waits(1, &record, 120, "there are 20");
    }
}
