//! Handler that removes a plugin from all regions.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Extension, Path, State};

use super::begin::begin;
use crate::admin::AdminState;
use crate::admin::audit::AuditedAction;
use crate::admin::error::{ApiError, Result};
use crate::admin::server::Actor;
use crate::rollout::control::rollouts::MaxUnavailable;
use crate::rollout::control::rollouts::Plan;
use crate::rollout::control::rollouts::{NewRollout, Rollout};

/// DELETE `/v1/plugins/{plugin}`: begins a rollout that removes the plugin from
/// all regions.
pub(super) async fn remove(
    State(state): State<Arc<AdminState>>,
    Extension(Actor(author)): Extension<Actor>,
    Path(plugin): Path<String>,
) -> Result<Json<Rollout>> {
    let action = AuditedAction::new(author, "remove", &plugin);
    let outcome = try_remove(&state, &action, plugin).await;
    action.record_refusal(&state, outcome).await
}

async fn try_remove(
    state: &AdminState,
    action: &AuditedAction,
    plugin: String,
) -> Result<Json<Rollout>> {
    let wanted = state.control.desired_of(&plugin).await?;
    if wanted.values().all(|entry| entry.desired.active.is_none()) {
        return Err(ApiError::not_found(format!("no region runs {plugin}")));
    }
    let without = state.live.check_compatible(|plugins| {
        plugins.remove(&plugin);
    });
    without.map_err(ApiError::unfit)?;
    let new = NewRollout {
        plugin,
        digest: None,
        regions: wanted.into_keys().collect(),
        canary_percent: 0,
        pause: Duration::ZERO,
        max_unavailable: MaxUnavailable::Any,
        plan: Plan::default(),
        author: action.author.clone(),
    };
    begin(state, action, new, None).await
}
