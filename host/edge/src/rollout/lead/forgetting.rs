//! Removal of regions that have been without nodes for longer than a configured age.
//!
//! The node that leads rollouts removes them, if its settings say so. A region loses what it was to
//! run: nodes that start there later serve nothing until it is filled again. So only time in which
//! the region was observed to be empty counts, a region of an open rollout stays, and each removal
//! is in the audit log.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::controller::RolloutController;
use crate::rollout::control::ControlError;

/// Interval at which regions are checked.
const CHECK_INTERVAL: Duration = Duration::from_secs(60);

impl RolloutController {
    /// Removes the regions that are due, if the interval since the last check has passed.
    pub(super) async fn forget_regions_if_due(&self) -> Result<(), ControlError> {
        let Some(age) = self.forget_regions_after else {
            return Ok(());
        };
        {
            let mut looked = self.looked_at_regions();
            if looked.is_some_and(|looked| looked.elapsed() < CHECK_INTERVAL) {
                return Ok(());
            }
            *looked = Some(Instant::now());
        }
        self.note_regions(age).await?;
        let open = self.control.open_rollouts().await?;
        for empty in self.control.empty_regions().await? {
            let is_needed = open
                .iter()
                .any(|rollout| rollout.regions.contains(&empty.region));
            if empty.since >= age && !is_needed {
                self.forget_region(&empty.region, empty.since).await?;
            }
        }
        Ok(())
    }

    /// Records which regions have live nodes now and which have none.
    async fn note_regions(&self, age: Duration) -> Result<(), ControlError> {
        let nodes = self.control.nodes().await?;
        let live = nodes.iter().filter(|node| node.is_live());
        let occupied: BTreeSet<_> = live.map(|node| node.region.as_str()).collect();
        for empty in self.control.empty_regions().await? {
            if occupied.contains(empty.region.as_str()) {
                self.control.note_region(&empty.region).await?;
            }
        }
        for region in self.control.regions_of_log().await? {
            if occupied.contains(region.as_str()) {
                continue;
            }
            if self.control.note_empty_region(&region).await? {
                let age = humantime::format_duration(age);
                tracing::warn!(
                    "region {region} has no live node; it is forgotten in {age} unless one starts"
                );
            }
        }
        Ok(())
    }

    async fn forget_region(&self, region: &str, since: Duration) -> Result<(), ControlError> {
        let since = humantime::format_duration(Duration::from_secs(since.as_secs()));
        let author = format!("node {}", self.node);
        let detail = format!("region {region}: without nodes for {since}");
        // The audit record is written first, so that it explains a missing region even if the
        // removal is interrupted.
        let auditing = self.control.audit(&author, "forget-region", "", &detail);
        auditing.await?;
        let entries = self.control.forget_region(region).await?;
        self.control.note_region(region).await?;
        tracing::warn!("{detail}; it is forgotten, with {entries} entries of the release log");
        self.notifier.everywhere().await;
        Ok(())
    }
}
