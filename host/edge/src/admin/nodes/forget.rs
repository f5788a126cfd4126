//! Handlers that delete nodes and regions that are gone from the control
//! database.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, State};

use crate::admin::AdminState;
use crate::admin::api::Forgotten;
use crate::admin::audit::AuditedAction;
use crate::admin::error::{ApiError, Result};
use crate::admin::server::Actor;
use crate::rollout::control::nodes::NodeRecord;

/// DELETE `/v1/nodes/{node}`: deletes a node that no longer reports.
pub(super) async fn node(
    State(state): State<Arc<AdminState>>,
    Extension(Actor(author)): Extension<Actor>,
    Path(node): Path<String>,
) -> Result<Json<Forgotten>> {
    let action = AuditedAction::new(author, "forget-node", "").of(&node);
    let outcome = try_node(&state, &action, &node).await;
    action.record_refusal(&state, outcome).await
}

async fn try_node(
    state: &AdminState,
    action: &AuditedAction,
    name: &str,
) -> Result<Json<Forgotten>> {
    let nodes = state.control.nodes().await?;
    let node = nodes.into_iter().find(|node| node.node == name);
    let node = node.ok_or_else(|| ApiError::not_found(format!("there is no node {name}")))?;
    if node.is_live() || !state.control.forget_node(name).await? {
        return Err(ApiError::conflict(format!(
            "node {name} is there: it reported within the last seconds"
        )));
    }
    let detail = format!("node {name} of region {}", node.region);
    action.done(state, &detail).await?;
    state.notifier.everywhere().await;
    Ok(Json(Forgotten {
        nodes: vec![node.node],
        entries: 0,
    }))
}

/// DELETE `/v1/regions/{region}`: deletes a region without live nodes, with its
/// release log.
pub(super) async fn region(
    State(state): State<Arc<AdminState>>,
    Extension(Actor(author)): Extension<Actor>,
    Path(region): Path<String>,
) -> Result<Json<Forgotten>> {
    let action = AuditedAction::new(author, "forget-region", "").of(&region);
    let outcome = try_region(&state, &action, &region).await;
    action.record_refusal(&state, outcome).await
}

async fn try_region(
    state: &AdminState,
    action: &AuditedAction,
    region: &str,
) -> Result<Json<Forgotten>> {
    let nodes = state.control.nodes().await?;
    let nodes: Vec<_> = nodes
        .into_iter()
        .filter(|node| node.region == region)
        .collect();
    if let Some(node) = nodes.iter().find(|node| node.is_live()) {
        return Err(ApiError::conflict(format!(
            "node {} of region {region} is there: stop the region's nodes first",
            node.node
        )));
    }
    let rollouts = state.control.open_rollouts().await?;
    let names = |regions: &[String]| regions.iter().any(|name| name == region);
    if let Some(rollout) = rollouts.iter().find(|rollout| names(&rollout.regions)) {
        return Err(ApiError::conflict(format!(
            "the rollout {} of {} goes to region {region}; wait for it, or abort it",
            rollout.id, rollout.plugin
        )));
    }
    let entries = state.control.forget_region(region).await?;
    if entries == 0 && nodes.is_empty() {
        return Err(ApiError::not_found(format!("there is no region {region}")));
    }
    let detail = format!("region {region}: {entries} entries of the release log");
    action.done(state, &detail).await?;
    state.notifier.everywhere().await;
    let name = |node: NodeRecord| node.node;
    Ok(Json(Forgotten {
        nodes: nodes.into_iter().map(name).collect(),
        entries,
    }))
}
