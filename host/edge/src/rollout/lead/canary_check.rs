//! Queries of the external check of a canary, which any node makes.
//!
//! The addresses that a node is allowed to query and can reach depend on its settings and network,
//! and the node that leads rollouts may not be able to query the check. So every node tries, one at
//! a time, once in an interval. A node that gets no answer doubles its interval, so that others try
//! meanwhile, and records the reason.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::controller::RolloutController;
use crate::rollout::canary::p_value;
use crate::rollout::check::{Check, Checks};
use crate::rollout::control::notifier::Notifier;
use crate::rollout::control::rollouts::{Phase, PlanRecord, Rollout};
use crate::rollout::control::{Control, ControlError};
use crate::rollout::lead::fleet;
use crate::rollout::lead::rollout_progress::Errors;

impl RolloutController {
    /// Queries the checks of canaries whenever they are due, for the duration `time`, on a node
    /// that does not lead.
    pub(super) async fn ask_checks_for(&self, time: Duration) {
        let began = Instant::now();
        while let Some(left) = time.checked_sub(began.elapsed()) {
            if let Err(error) = self.ask_checks().await {
                tracing::debug!("checks of canaries cannot be asked: {error}");
            }
            tokio::time::sleep(left.min(self.checks.interval())).await;
        }
    }

    async fn ask_checks(&self) -> Result<(), ControlError> {
        let open = self.control.open_rollouts().await?;
        self.checks
            .retain(|id| open.iter().any(|rollout| rollout.id == id));
        for rollout in open.iter().filter(|it| it.phase == Phase::Canary) {
            if let Some(record) = self.control.plan(&rollout.id).await? {
                self.ask_check(rollout, &record).await?;
            }
        }
        Ok(())
    }

    /// Starts a query of the check if one is due and this node wins the claim to it. The query runs
    /// in a task of its own, for whose answer nothing waits.
    pub(super) async fn ask_check(
        &self,
        rollout: &Rollout,
        record: &PlanRecord,
    ) -> Result<(), ControlError> {
        let Some(check) = &record.plan.check else {
            return Ok(());
        };
        if let Err(problem) = self.checks.allowed(check) {
            return self.note_failure(rollout, &problem).await;
        }
        let interval = match self.checks.has_failed(&rollout.id) {
            true => self.checks.interval() * 2,
            false => self.checks.interval(),
        };
        // The comparison before the claim saves the row the locks of nodes that come too early.
        let age = u64::try_from(record.now - record.asked_at).unwrap_or(0);
        let is_due = Duration::from_millis(age) >= interval;
        if !is_due || !self.control.claim_check(&rollout.id, interval).await? {
            return Ok(());
        }
        let asking = Asking {
            node: self.node.clone(),
            control: self.control.clone(),
            notifier: self.notifier.clone(),
            checks: self.checks.clone(),
            rollout: rollout.clone(),
            check: check.clone(),
            healthy: record.step_age(rollout),
        };
        tokio::spawn(async move { asking.run().await });
        Ok(())
    }

    async fn note_failure(&self, rollout: &Rollout, reason: &str) -> Result<(), ControlError> {
        let Rollout { id, plugin, .. } = rollout;
        if self.checks.note_outcome(id, Some(reason)) {
            tracing::info!(
                plugin,
                rollout = id,
                "this node does not ask the check: {reason}"
            );
            let noting = self.control.note_check_failure(id, &self.node, reason);
            noting.await?;
        }
        Ok(())
    }
}

/// One query of a check by this node.
struct Asking {
    node: String,
    control: Arc<Control>,
    notifier: Arc<Notifier>,
    checks: Arc<Checks>,
    rollout: Rollout,
    check: Check,
    healthy: Duration,
}

impl Asking {
    async fn run(&self) {
        if let Err(error) = self.ask().await {
            let (id, plugin) = (&self.rollout.id, &self.rollout.plugin);
            tracing::warn!(plugin, rollout = id, "a check's answer is lost: {error}");
        }
    }

    async fn ask(&self) -> Result<(), ControlError> {
        let Rollout { id, plugin, .. } = &self.rollout;
        let facts = self.facts().await?;
        let outcome = self.checks.ask(&self.check, &facts).await;
        let failure = outcome.as_ref().err().map(String::as_str);
        let is_news = self.checks.note_outcome(id, failure);
        match outcome {
            Ok(answer) => {
                let (verdict, reason) = (answer.verdict, &answer.reason);
                tracing::info!(plugin, rollout = id, %verdict, "the check answers: {reason}");
                if is_news {
                    self.control.forget_check_failure(id, &self.node).await?;
                }
                self.control.note_answer(id, &answer).await?;
            }
            Err(reason) if is_news => {
                tracing::warn!(plugin, rollout = id, "the check does not answer: {reason}");
                let noting = self.control.note_check_failure(id, &self.node, &reason);
                noting.await?;
            }
            Err(_) => return Ok(()),
        }
        self.notifier.everywhere().await;
        Ok(())
    }

    /// Returns the JSON that a webhook receives.
    async fn facts(&self) -> Result<Value, ControlError> {
        let rollout = &self.rollout;
        let heads = self.control.desired_of(&rollout.plugin).await?;
        let nodes = self.control.nodes().await?;
        let fleet = fleet::compared(rollout, &heads, &nodes);
        let totals = &fleet.totals;
        let own = nodes.iter().find(|node| node.node == self.node);
        let active: BTreeMap<_, _> = heads
            .iter()
            .map(|(region, head)| (region, head.desired.active))
            .collect();
        let routes = totals.routes.iter();
        let routes: BTreeMap<_, _> = routes
            .map(|(route, lane)| (route, Errors::from(lane)))
            .collect();
        Ok(json!({
            "rollout": rollout.id,
            "plugin": rollout.plugin,
            "canary": rollout.digest,
            "active": active,
            "percent": rollout.canary_percent,
            "healthy_ms": u64::try_from(self.healthy.as_millis()).unwrap_or(u64::MAX),
            "nodes": fleet.nodes,
            "compared": totals.compared(),
            "errors": Errors::from(&totals.overall),
            "routes": routes,
            "p_value": p_value(totals),
            "asked_by": { "node": self.node, "region": own.map(|node| &node.region) },
        }))
    }
}
