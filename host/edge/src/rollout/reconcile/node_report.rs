//! Reports of a node to the control database, at each heartbeat and after each
//! change.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bundle::Digest;

use super::pending::Pending;
use super::readiness::Cause;
use super::reconciler::{NodeName, Reconciler};
use crate::rollout::control::ControlError;
use crate::rollout::report::{CanaryReport, PluginReport, ReleaseReport, Report, State};
use crate::rollout::serving::active::ActivePlugin;
use crate::rollout::serving::release::Release;

/// Interval between the heartbeats of a node.
const HEARTBEAT: Duration = Duration::from_secs(2);

impl Reconciler {
    /// Reports the state of the node at each heartbeat, for as long as this
    /// future is polled.
    pub async fn report(&self) {
        loop {
            if let Err(error) = self.beat().await {
                tracing::warn!("this node cannot report: {error}");
            }
            tokio::time::sleep(HEARTBEAT).await;
        }
    }

    async fn beat(&self) -> Result<(), ControlError> {
        self.control.measure_clock().await?;
        let NodeName { node, region, .. } = &self.name;
        self.control.report(node, region, &self.describe()).await?;
        match &self.keys {
            Some(keys) => keys.settle(&self.control).await,
            None => Ok(()),
        }
    }

    /// Writes the node's report into the control database, and wakes the
    /// rollout controllers to read it.
    pub(super) async fn write_report(&self) -> Result<(), ControlError> {
        let NodeName { node, region, .. } = &self.name;
        self.control.report(node, region, &self.describe()).await?;
        self.notifier.leaders().await;
        Ok(())
    }

    /// Returns the current report of the node.
    #[must_use]
    pub fn describe(&self) -> Report {
        let served: Vec<_> = self.live.serving().plugins.values().cloned().collect();
        self.forget_rates(&served);
        Report {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            address: self.name.address.clone(),
            clock_skew_ms: self.control.clock().skew().map(|skew| skew.milliseconds),
            replaces: self.replaces.clone(),
            keys: self.keys.as_ref().map(|keys| keys.rings().clone()),
            reads_blobs: true,
            writes_heads: true,
            plugins: self.describe_plugins(&served),
            warnings: self.warnings.texts(),
            connections: self
                .connections
                .as_ref()
                .map_or_else(Vec::new, |connections| connections.report()),
        }
    }

    /// Returns the reports of the plugins that serve or are to serve.
    fn describe_plugins(&self, served: &[Arc<ActivePlugin>]) -> BTreeMap<String, PluginReport> {
        let served = served.iter();
        let mut plugins: BTreeMap<_, _> = served
            .map(|plugin| (plugin.name().to_owned(), self.describe_plugin(plugin)))
            .collect();
        for (plugin, pending) in self.pending.lock().iter() {
            let known = plugins.remove(plugin);
            plugins.insert(plugin.clone(), describe_pending(pending, known));
        }
        plugins
    }

    fn describe_plugin(&self, plugin: &ActivePlugin) -> PluginReport {
        let compared = plugin.compared();
        let canary = plugin.canary.as_ref().zip(compared.as_ref());
        let canary = canary.map(|(canary, (sample, _))| {
            let rate = self.rate(&canary.release);
            canary.release.report(sample, rate)
        });
        PluginReport {
            revision: plugin.revision,
            state: State::Serving,
            reason: String::new(),
            transient: false,
            for_ms: milliseconds(plugin.since),
            active: Some(self.describe_release(&plugin.active)),
            canary,
            before: plugin.before.clone(),
            comparison: compared.map(|(canary, active)| {
                let (compared, at_step) = plugin.totals().unwrap_or_default();
                CanaryReport {
                    canary: canary.tally(),
                    active: active.tally(),
                    compared,
                    at_step: Some(at_step),
                }
            }),
        }
    }

    pub(super) fn describe_release(&self, release: &Release) -> ReleaseReport {
        let sample = release.plugin.stats().sample();
        release.report(&sample, self.rate(release))
    }

    /// Drops the request rates of releases that no longer serve.
    fn forget_rates(&self, served: &[Arc<ActivePlugin>]) {
        let serves = |digest: &Digest| {
            let mut releases = served.iter().flat_map(|plugin| plugin.releases());
            releases.any(|release| release.digest == *digest)
        };
        self.rates.retain(serves);
    }

    /// Returns the requests per second of a release, measured since about the
    /// last heartbeat.
    fn rate(&self, release: &Release) -> f64 {
        let (requests, _) = release.plugin.stats().counts();
        self.rates.measure(release.digest, requests)
    }
}

/// Returns the report of a plugin whose desired revision does not serve, from
/// the report of the releases that serve meanwhile, if any do.
fn describe_pending(pending: &Pending, serving: Option<PluginReport>) -> PluginReport {
    let (active, canary, before, comparison) = match serving {
        Some(report) => (
            report.active,
            report.canary,
            report.before,
            report.comparison,
        ),
        None => (None, None, None, None),
    };
    PluginReport {
        revision: pending.revision,
        state: pending.state,
        reason: pending.reason.clone(),
        transient: pending.cause == Cause::Store,
        for_ms: milliseconds(pending.since),
        active,
        canary,
        before,
        comparison,
    }
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
