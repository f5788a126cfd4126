//! Handler that returns the state of the shop's nodes.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use crate::admin::AdminState;
use crate::admin::api::Status;
use crate::admin::error::Result;
use crate::admin::rollouts::progress;

/// GET `/v1/status`: returns all nodes, rollouts and runs of migrations.
pub(super) async fn show(State(state): State<Arc<AdminState>>) -> Result<Json<Status>> {
    let rollouts = state.control.open_rollouts().await?;
    let mut all = Vec::new();
    for rollout in &rollouts {
        all.push(progress(&state, rollout).await?);
    }
    Ok(Json(Status {
        node: state.reconciler.name().node.clone(),
        nodes: state.control.nodes().await?,
        rollouts,
        progress: all,
        migrations: state.control.open_runs().await?,
    }))
}
