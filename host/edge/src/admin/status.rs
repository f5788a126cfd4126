//! Handler that returns the state of the shop's nodes.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::api::Status;
use super::error::Result;
use super::{AdminState, canary};

/// GET `/v1/status`: returns all nodes, rollouts and runs of migrations.
pub(super) async fn show(State(office): State<Arc<AdminState>>) -> Result<Json<Status>> {
    let rollouts = office.control.open_rollouts().await?;
    let mut progress = Vec::new();
    for rollout in &rollouts {
        progress.push(canary::progress(&office, rollout).await?);
    }
    Ok(Json(Status {
        node: office.follower.name().node.clone(),
        nodes: office.control.nodes().await?,
        rollouts,
        progress,
        migrations: office.control.open_runs().await?,
    }))
}
