//! Progress of a rollout in one region: from the health of its nodes, and from how the release does
//! there.

use std::time::{Duration, Instant};

use super::controller::RolloutController;
use super::region_health::{Health, READY_TIMEOUT, View, health};
use crate::rollout::canary::analysis::ReleaseMetrics;
use crate::rollout::control::ControlError;

/// Progress of a rollout in one region.
pub(super) enum Progress {
    /// The nodes serve the release, and were healthy for the pause of the rollout.
    Served,
    /// The region has no node that has to serve the release.
    NoNodes,
    Wait,
    Pause(Duration),
    Failed(String),
}

impl RolloutController {
    /// Returns the progress of a rollout in the region of `view`.
    pub(super) async fn progress(&self, view: &View<'_>) -> Result<Progress, ControlError> {
        let (rollout, row) = (view.rollout, view.row);
        let health = health(view);
        if health != Health::Healthy {
            self.healthy_time.interrupt(&rollout.id, row);
        }
        let left_since = self.left_since(view, &health);
        Ok(match health {
            Health::NoNodes => Progress::NoNodes,
            Health::Wait => Progress::Wait,
            Health::Failed(reason) => Progress::Failed(reason),
            Health::AllLeft if left_since < READY_TIMEOUT => Progress::Wait,
            Health::AllLeft => Progress::Failed(format!(
                "all its nodes have left, and none came within {} s",
                READY_TIMEOUT.as_secs()
            )),
            Health::Healthy => {
                if let Some(reason) = self.does_worse(view) {
                    return Ok(Progress::Failed(reason));
                }
                let pause = rollout.pause();
                let noted = self
                    .healthy_time
                    .note(&self.control, &rollout.id, row, pause);
                noted.await?.map_or(Progress::Served, Progress::Pause)
            }
        })
    }

    /// Returns the time for which this node has seen the region without any node; zero if it has
    /// nodes.
    fn left_since(&self, view: &View<'_>, health: &Health) -> Duration {
        let key = (view.rollout.id.clone(), view.row.region.clone());
        let mut all_left = self.all_left();
        if *health != Health::AllLeft {
            all_left.remove(&key);
            return Duration::ZERO;
        }
        all_left.entry(key).or_insert_with(Instant::now).elapsed()
    }

    /// Returns in what way the release does worse in a region than the previous one, if it does. A
    /// region that ran the release before the rollout is not judged, nor is a rollout without a
    /// pause.
    fn does_worse(&self, view: &View<'_>) -> Option<String> {
        let (rollout, head) = (view.rollout, view.head);
        let is_new = head.rollout == rollout.id && head.desired.canary.is_none();
        if !is_new || rollout.pause().is_zero() {
            return None;
        }
        let (mut new, mut old) = (ReleaseMetrics::default(), ReleaseMetrics::default());
        let of_region = view
            .nodes
            .iter()
            .filter(|node| node.region == head.region && node.is_live());
        for report in of_region.filter_map(|node| node.report.plugins.get(&rollout.plugin)) {
            let active = report.active.as_ref().map(ReleaseMetrics::from);
            let before = report.before.as_ref().map(ReleaseMetrics::from);
            new = new.and(active.unwrap_or_default());
            old = old.and(before.unwrap_or_default());
        }
        self.release_thresholds.compare(new, old)
    }
}
