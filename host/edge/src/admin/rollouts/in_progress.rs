//! Rollouts in progress: one of each plugin at most.

use crate::admin::AdminState;
use crate::admin::error::{ApiError, Result};
use crate::rollout::control::rollouts::Rollout;

/// Returns the rollout of `plugin` that is in progress.
pub(super) async fn open(state: &AdminState, plugin: &str) -> Result<Rollout> {
    let rollout = state.control.open_rollout_of(plugin).await?;
    rollout.ok_or_else(|| ApiError::conflict(format!("no rollout of {plugin} goes on")))
}

/// Returns the error of a change that another rollout prevents.
pub(super) fn in_progress(other: &Rollout) -> ApiError {
    let (plugin, id, author) = (&other.plugin, &other.id, &other.author);
    ApiError::conflict(format!(
        "a rollout of {plugin} by {author} goes on ({id}, {}); wait for it, or abort it",
        other.phase
    ))
}

/// Refuses a change that a paused rollout could not make until it is resumed.
pub(super) async fn refuse_paused(state: &AdminState, rollout: &Rollout) -> Result<()> {
    let record = state.control.plan(&rollout.id).await?;
    let paused_by = record.and_then(|record| record.paused_by);
    paused_by.map_or(Ok(()), |author| {
        let id = &rollout.id;
        let detail = format!("the rollout {id} was paused by {author}; resume it first");
        Err(ApiError::conflict(detail))
    })
}
