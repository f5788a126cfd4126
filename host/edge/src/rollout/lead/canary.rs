//! Execution of a canary's next step.

use std::collections::BTreeMap;

use super::controller::{RolloutController, Step};
use crate::rollout::canary::decisions::Decision;
use crate::rollout::control::ControlError;
use crate::rollout::control::log::Entry;
use crate::rollout::control::nodes::NodeRecord;
use crate::rollout::control::rollouts::{Phase, PlanRecord, Rollout};
use crate::rollout::lead::fleet::{self, Fleet};
use crate::rollout::lead::steps::{Next, Situation};

impl RolloutController {
    /// Takes the next step of a canary that serves in all of its regions, if the step is due.
    pub(super) async fn lead_canary(
        &self,
        rollout: &Rollout,
        record: Option<&PlanRecord>,
        heads: &BTreeMap<String, Entry>,
        nodes: &[NodeRecord],
    ) -> Result<Step, ControlError> {
        let Some(record) = record else {
            // A rollout of an older host has no plan: an operator decides.
            return Ok(Step::Wait);
        };
        let fleet = fleet::compared(rollout, heads, nodes);
        self.ask_check(rollout, record).await?;
        let situation = Situation {
            rollout,
            record,
            compared: record.compared_at_step(fleet.at_step, fleet.totals.compared()),
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

    /// Counts, logs and audits a decision that no operator made.
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
}
