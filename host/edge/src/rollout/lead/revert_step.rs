//! One step of a rollout that failed or was aborted: reverts an entry, or, once all are reverted,
//! ends the rollout.

use std::collections::BTreeMap;
use std::time::Duration;

use super::controller::{RolloutController, Step};
use super::region_health::behind;
use super::revert::{is_filled, is_reverted};
use crate::rollout::control::ControlError;
use crate::rollout::control::log::{Entry, reversal_for};
use crate::rollout::control::rollouts::{Phase, Rollout};

/// Time limit for nodes to follow a reverted log, after which a failed or aborted rollout ends
/// without them.
const FOLLOW_TIMEOUT: Duration = Duration::from_mins(1);

impl RolloutController {
    /// Reverts the change of one region. Once none is left and the nodes have followed, or their
    /// time is over, ends the rollout in the phase `end`.
    pub(super) async fn revert(
        &self,
        rollout: &Rollout,
        heads: &BTreeMap<String, Entry>,
        changed: Option<&Entry>,
        end: Phase,
    ) -> Result<Step, ControlError> {
        if let Some(head) = changed {
            return self.revert_entry(rollout, head).await;
        }
        let observation = self.observe().await?;
        let Some(observed) = observation.observed else {
            return Ok(Step::Wait);
        };
        let mut reason = rollout.reason.clone();
        for head in heads.values().filter(|head| is_reverted(rollout, head)) {
            let behind = behind(rollout, head, &observation.nodes);
            if behind.is_empty() {
                continue;
            }
            // Time in which the database could not be read does not count.
            if head.age().min(observed) < FOLLOW_TIMEOUT {
                return Ok(Step::Wait);
            }
            reason += &did_not_follow(&head.region, &behind);
        }
        if heads.values().any(|head| is_filled(rollout, head)) {
            reason += "; the region asks for it all the same: its nodes go on trying, and those \
                       that never served it take no customers";
        }
        self.control.move_rollout(rollout, end, &reason).await?;
        Ok(Step::Done)
    }

    /// Writes an entry that brings a region back to what it ran before the rollout.
    async fn revert_entry(&self, rollout: &Rollout, head: &Entry) -> Result<Step, ControlError> {
        let desired = self.control.desired_before(rollout, head).await?;
        let reason = reversal_for(&rollout.reason);
        self.write(rollout, &head.region, Some(head), desired, &reason)
            .await
    }
}

/// Returns the end of a reason that names the nodes which did not follow a reverted entry in time.
fn did_not_follow(region: &str, nodes: &[String]) -> String {
    let (limit, nodes) = (FOLLOW_TIMEOUT.as_secs(), nodes.join(", "));
    format!("; in region {region}, within {limit} s, did not go back: {nodes}")
}
