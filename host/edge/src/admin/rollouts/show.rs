//! Handlers that show rollouts.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};

use crate::admin::AdminState;
use crate::admin::api::RolloutStatus;
use crate::admin::error::{ApiError, Result};
use crate::rollout::RolloutProgress;
use crate::rollout::control::ControlError;
use crate::rollout::control::rollouts::Rollout;

/// GET `/v1/rollouts/{id}`: returns one rollout.
pub(super) async fn show(
    State(state): State<Arc<AdminState>>,
    Path(id): Path<String>,
) -> Result<Json<Rollout>> {
    let rollout = state.control.rollout(&id).await?;
    rollout
        .map(Json)
        .ok_or_else(|| ApiError::not_found(format!("there is no rollout {id}")))
}

/// GET `/v1/plugins/{plugin}/rollout`: returns the rollout in progress and its
/// state.
pub(super) async fn show_open(
    State(state): State<Arc<AdminState>>,
    Path(plugin): Path<String>,
) -> Result<Json<RolloutStatus>> {
    let rollout = state.control.open_rollout_of(&plugin).await?;
    let rollout =
        rollout.ok_or_else(|| ApiError::not_found(format!("no rollout of {plugin} goes on")))?;
    let progress = progress(&state, &rollout).await?;
    Ok(Json(RolloutStatus { rollout, progress }))
}

/// Returns the progress of `rollout`. A plan that this version cannot read is
/// reported in it rather than as an error, so that other rollouts are still
/// shown.
pub(in crate::admin) async fn progress(
    state: &AdminState,
    rollout: &Rollout,
) -> Result<RolloutProgress> {
    let record = match state.control.plan(&rollout.id).await {
        Err(ControlError::Unreadable(problem)) => {
            return Ok(RolloutProgress::unreadable(rollout, problem));
        }
        record => record?,
    };
    let heads = state.control.desired_of(&rollout.plugin).await?;
    let nodes = state.control.nodes().await?;
    Ok(RolloutProgress::new(
        rollout,
        record.as_ref(),
        &heads,
        &nodes,
        &state.thresholds,
        state.checks.interval(),
    ))
}
