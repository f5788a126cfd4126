//! Activation of one entry of the release log: prepares its releases, swaps them
//! in, and records the outcome.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::reconciler::{POLL_INTERVAL, Reconciler};
use crate::rollout::control::log::Entry;
use crate::rollout::prepare::activate_error::ActivateError;
use crate::rollout::serving::active::ActivePlugin;
use crate::rollout::serving::live::IncompatibleError;

impl Reconciler {
    /// Prepares and serves the releases of an entry, and reports the outcome.
    pub(super) async fn bring_to_serve(
        &self,
        plugin: &str,
        entry: &Entry,
        superseded: &CancellationToken,
    ) {
        match self.activate_beside_others(plugin, entry, superseded).await {
            Ok(false) => return,
            Ok(true) => {
                self.activity.count_activated();
                let canary = entry.desired.canary.as_ref();
                tracing::info!(
                    plugin,
                    revision = entry.revision,
                    release = entry.desired.active.map(|digest| digest.short()),
                    canary = canary.map(|canary| canary.digest.short()),
                    "serving what the release log wants"
                );
            }
            Err(ActivateError::Control(error)) => {
                tracing::warn!(plugin, "a release cannot be read: {error}");
                // The entry is tried again at the next read of the log, which
                // would otherwise be at once.
                tokio::time::sleep(POLL_INTERVAL).await;
                return;
            }
            Err(error) => {
                // A newer revision may have replaced this one meanwhile.
                if !self.pending.fail(plugin, entry.revision, &error) {
                    return;
                }
                self.activity.count_failed();
                let revision = entry.revision;
                tracing::error!(plugin, revision, "a release cannot serve: {error}");
            }
        }
        if let Err(error) = self.write_report().await {
            tracing::warn!(plugin, "this node cannot report: {error}");
        }
    }

    /// Activates an entry. A release that is incompatible with the other
    /// plugins is tried again whenever one of them was prepared, since it may
    /// export a missing interface. Returns whether the entry serves; false if a
    /// newer revision superseded it.
    async fn activate_beside_others(
        &self,
        plugin: &str,
        entry: &Entry,
        superseded: &CancellationToken,
    ) -> Result<bool, ActivateError> {
        let mut ended = self.ended.subscribe();
        loop {
            ended.borrow_and_update();
            let error = match self.activate(plugin, entry, superseded).await {
                Err(error @ ActivateError::Incompatible(_)) => error,
                outcome => return outcome,
            };
            // The sender lives as long as this reconciler.
            let others_changed = ended.has_changed().unwrap_or(false);
            if !others_changed && !self.pending.wait_for_others(plugin, entry.revision) {
                return Err(error);
            }
            if ended.changed().await.is_err() {
                return Err(error);
            }
        }
    }

    /// Prepares the releases of an entry, and serves them if the entry is still
    /// desired then. Returns whether they serve.
    async fn activate(
        &self,
        plugin: &str,
        entry: &Entry,
        superseded: &CancellationToken,
    ) -> Result<bool, ActivateError> {
        let deployed = self
            .activator
            .deployed(plugin, entry.revision, &entry.desired, superseded)
            .await?;
        // The lock is held so that no newer revision can begin to serve in
        // between.
        let mut pending = self.pending.lock();
        let is_current = pending
            .get(plugin)
            .is_some_and(|pending| pending.revision == entry.revision);
        if !is_current {
            if let Some(deployed) = &deployed {
                self.activator.discard(deployed);
            }
            return Ok(false);
        }
        self.swap(plugin, deployed)?;
        pending.remove(plugin);
        Ok(true)
    }

    /// Serves `deployed` in place of what serves of the plugin now; `None`
    /// removes the plugin.
    fn swap(&self, plugin: &str, deployed: Option<ActivePlugin>) -> Result<(), IncompatibleError> {
        self.live.change(|plugins| {
            let old = plugins.get(plugin);
            let before = old.map(|plugin| self.describe_release(&plugin.active));
            match deployed {
                Some(mut deployed) => {
                    if let Some(old) = old {
                        deployed.carry_on(old);
                    }
                    deployed.before = before;
                    plugins.insert(plugin.to_owned(), Arc::new(deployed));
                }
                None => {
                    plugins.remove(plugin);
                }
            }
        })
    }
}
