//! Leading a canary from step to step.

use std::collections::BTreeMap;

use serde_json::json;

use super::control::ControlError;
use super::control::log::Entry;
use super::control::nodes::NodeRecord;
use super::control::plans::PlanRecord;
use super::control::rollouts::{Phase, Rollout};
use super::driver::{Driver, Step};
use super::steps::{Errors, Next, Situation};
use super::together::{self, Fleet};
use super::verdicts::Decision;

impl Driver {
    /// Takes the next step of a canary that serves wherever it should, if that
    /// is due.
    pub(super) async fn lead_canary(
        &self,
        rollout: &Rollout,
        record: Option<&PlanRecord>,
        heads: &BTreeMap<String, Entry>,
        nodes: &[NodeRecord],
    ) -> Result<Step, ControlError> {
        let Some(record) = record else {
            // Begun by an older host: an operator decides.
            return Ok(Step::Wait);
        };
        let fleet = together::compared(rollout, heads, nodes);
        self.ask_check(rollout, record, heads, &fleet).await?;
        let situation = Situation {
            rollout,
            record,
            compared: fleet.totals.compared(),
            needed: self.thresholds.requests,
            interval: self.checks.interval(),
        };
        match situation.next() {
            Next::Wait(_) => Ok(Step::Wait),
            Next::Raise(percent) => self.raise(rollout, record, percent, &fleet).await,
            Next::Promote => self.promote(rollout).await,
            Next::Withdraw(reason) => {
                self.withdraw(rollout, &reason, Decision::CheckWithdrew)
                    .await
            }
        }
    }

    async fn raise(
        &self,
        rollout: &Rollout,
        record: &PlanRecord,
        percent: u8,
        fleet: &Fleet,
    ) -> Result<Step, ControlError> {
        let compared = fleet.totals.compared();
        let control = &self.control;
        if control
            .set_share(rollout, record, percent, compared)
            .await?
        {
            let before = rollout.canary_percent;
            self.decided(
                rollout,
                Decision::Raised,
                &format!("from {before} % to {percent} %"),
            )
            .await?;
        }
        Ok(Step::Done)
    }

    async fn promote(&self, rollout: &Rollout) -> Result<Step, ControlError> {
        let control = &self.control;
        if control.move_rollout(rollout, Phase::Promoting, "").await? {
            self.decided(rollout, Decision::Promoted, "by its plan")
                .await?;
        }
        Ok(Step::Done)
    }

    /// Counts, logs and writes down a decision that no operator made.
    async fn decided(
        &self,
        rollout: &Rollout,
        decision: Decision,
        detail: &str,
    ) -> Result<(), ControlError> {
        let Rollout {
            id, plugin, author, ..
        } = rollout;
        self.decisions.count(plugin, decision);
        let name = decision.name();
        tracing::info!(plugin, rollout = id, "the canary is {name}, {detail}");
        let detail = format!("rollout {id}: {detail}");
        let action = format!("canary {name}");
        self.control.audit(author, &action, plugin, &detail).await
    }

    /// Lets the check be asked, if it is due, and this node is the one to ask.
    /// Nothing waits for its answer.
    async fn ask_check(
        &self,
        rollout: &Rollout,
        record: &PlanRecord,
        heads: &BTreeMap<String, Entry>,
        fleet: &Fleet,
    ) -> Result<(), ControlError> {
        let Some(check) = &record.plan.check else {
            return Ok(());
        };
        if let Err(problem) = self.checks.allowed(check) {
            // Another node may.
            tracing::debug!(plugin = rollout.plugin, "a check is not asked: {problem}");
            return Ok(());
        }
        let interval = self.checks.interval();
        if !self.control.claim_check(&rollout.id, interval).await? {
            return Ok(());
        }
        let facts = facts(rollout, record, heads, fleet);
        let (control, wake) = (self.control.clone(), self.wake.clone());
        let (checks, check) = (self.checks.clone(), check.clone());
        let (id, plugin) = (rollout.id.clone(), rollout.plugin.clone());
        tokio::spawn(async move {
            let answer = checks.ask(&check, &facts).await;
            let (verdict, reason) = (answer.verdict, &answer.reason);
            tracing::info!(plugin, rollout = id, %verdict, "the check answers: {reason}");
            match control.note_answer(&id, &answer).await {
                Ok(()) => wake.everywhere().await,
                Err(error) => tracing::warn!(plugin, "a check's answer is lost: {error}"),
            }
        });
        Ok(())
    }
}

/// What a webhook is told.
fn facts(
    rollout: &Rollout,
    record: &PlanRecord,
    heads: &BTreeMap<String, Entry>,
    fleet: &Fleet,
) -> serde_json::Value {
    let totals = &fleet.totals;
    let active: BTreeMap<_, _> = heads
        .iter()
        .map(|(region, head)| (region, head.wanted.active))
        .collect();
    let routes = totals.routes.iter();
    let routes: BTreeMap<_, _> = routes
        .map(|(route, lane)| (route, Errors::from(lane)))
        .collect();
    let healthy = record.step_age(rollout).as_millis();
    json!({
        "rollout": rollout.id,
        "plugin": rollout.plugin,
        "canary": rollout.digest,
        "active": active,
        "percent": rollout.canary_percent,
        "healthy_ms": u64::try_from(healthy).unwrap_or(u64::MAX),
        "nodes": fleet.nodes,
        "compared": totals.compared(),
        "errors": Errors::from(&totals.overall),
        "routes": routes,
        "p_value": super::canary::p_value(totals),
    })
}
