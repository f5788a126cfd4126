//! Withdrawal of canaries that this node finds worse than the active release.

use super::reconciler::Reconciler;
use crate::rollout::canary::decisions::Decision;
use crate::rollout::control::ControlError;
use crate::rollout::control::rollouts::Phase;
use crate::rollout::serving::active::ActivePlugin;

impl Reconciler {
    /// Withdraws the canaries that do worse than the active release, by marking
    /// their rollouts as failing.
    pub(super) async fn withdraw_worse_canaries(&self) -> Result<(), ControlError> {
        let serving = self.live.serving().plugins.clone();
        let canaries = serving.values().filter_map(|plugin| plugin.canary.as_ref());
        let canaries: Vec<_> = canaries.collect();
        if !canaries.is_empty() {
            let nodes = self.control.nodes().await?;
            let live = nodes.iter().filter(|node| node.is_live()).count();
            for canary in canaries {
                canary.set_nodes(live.max(1));
            }
        }
        for plugin in serving.values() {
            if let Some(reason) = plugin.verdict() {
                self.withdraw(plugin, &reason).await?;
            }
        }
        Ok(())
    }

    /// Marks the rollout of a plugin's canary as failing, if it is in progress.
    async fn withdraw(&self, plugin: &ActivePlugin, reason: &str) -> Result<(), ControlError> {
        let open = self.control.open_rollout_of(plugin.name()).await?;
        // A later rollout is not marked: the node may still serve the canary of
        // the previous one.
        let canary = plugin.desired.canary.as_ref().map(|canary| canary.digest);
        let open =
            open.filter(|rollout| rollout.phase.precedes_promotion() && rollout.digest == canary);
        let Some(rollout) = open else {
            return Ok(());
        };
        let reason = format!("the canary does worse on node {}: {reason}", self.name.node);
        self.control.fail_rollout(&rollout.id).await?;
        let moving = self.control.move_rollout(&rollout, Phase::Failing, &reason);
        if moving.await? {
            self.decisions.count(plugin.name(), Decision::Withdrawn);
            tracing::warn!(plugin = plugin.name(), "{reason}; it is withdrawn");
            self.notifier.leaders().await;
        }
        Ok(())
    }
}
