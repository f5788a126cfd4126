//! Time for which the nodes of a region were seen healthy with a release.
//!
//! Only time between two observations that both found the nodes healthy counts, not time without
//! observations, as while the control database hangs, or while the node that leads the rollout
//! changes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::rollout::control::rollouts::RolloutRegion;
use crate::rollout::control::{Control, ControlError};

/// Maximum time between two observations for the time between them to count.
const LARGEST_STEP: Duration = Duration::from_secs(3);

/// Minimum time between two updates of the stored time.
const SMALLEST_STEP: Duration = Duration::from_millis(500);

/// ID of a rollout, name of a region, and revision of the region's log.
type Key = (String, String, i64);

/// The last healthy observation of each region by this node, and its time.
#[derive(Default)]
pub(super) struct HealthyTime {
    seen: Mutex<HashMap<Key, Instant>>,
}

impl HealthyTime {
    /// Records that all nodes are healthy now. Returns the time to wait before the next
    /// observation, at most half a second, or `None` once the nodes have been healthy for `needed`.
    ///
    /// # Errors
    /// When the database does not answer. Nothing is counted then.
    pub(in crate::rollout) async fn note(
        &self,
        control: &Control,
        rollout: &str,
        row: &RolloutRegion,
        needed: Duration,
    ) -> Result<Option<Duration>, ControlError> {
        let known = Duration::from_millis(row.healthy_ms);
        if known >= needed {
            return Ok(None);
        }
        let since = Duration::from_millis(row.observed_ago_ms);
        let is_watched = self.is_watched(rollout, row);
        let healthy = match is_watched && since <= LARGEST_STEP {
            true => known + since,
            false => known,
        };
        let missing = needed.saturating_sub(healthy);
        if is_watched && since < SMALLEST_STEP && !missing.is_zero() {
            return Ok(Some(missing.min(SMALLEST_STEP)));
        }
        let healthy_ms = u64::try_from(healthy.as_millis()).unwrap_or(u64::MAX);
        let is_ours = control.count_healthy(rollout, row, healthy_ms).await?;
        match missing {
            Duration::ZERO if is_ours => Ok(None),
            missing => Ok(Some(missing.min(SMALLEST_STEP))),
        }
    }

    /// Records that some node of the region is not healthy now.
    pub(super) fn interrupt(&self, rollout: &str, row: &RolloutRegion) {
        self.seen().remove(&key(rollout, row));
    }

    /// Discards the observations of all rollouts except those for which `is_open` returns true.
    pub(in crate::rollout) fn retain(&self, is_open: impl Fn(&str) -> bool) {
        self.seen().retain(|(rollout, ..), _| is_open(rollout));
    }

    /// Records an observation now. Returns whether this node's previous observation found the nodes
    /// healthy and was at most [`LARGEST_STEP`] ago.
    fn is_watched(&self, rollout: &str, row: &RolloutRegion) -> bool {
        let last = self.seen().insert(key(rollout, row), Instant::now());
        last.is_some_and(|last| last.elapsed() <= LARGEST_STEP)
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Instant>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(rollout: &str, row: &RolloutRegion) -> Key {
    (rollout.to_owned(), row.region.clone(), row.revision)
}
