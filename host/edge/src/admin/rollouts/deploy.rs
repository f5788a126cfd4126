//! Handler that deploys a release.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Extension, State};

use super::begin::begin;
use super::{canary_plan, regions};
use crate::admin::AdminState;
use crate::admin::api::Deploy;
use crate::admin::audit::AuditedAction;
use crate::admin::error::{ApiError, Result};
use crate::admin::server::Actor;
use crate::rollout::control::rollouts::MaxUnavailable;
use crate::rollout::control::rollouts::{NewRollout, Rollout};

/// POST `/v1/rollouts`: makes the release ready on this node, and if it can
/// serve, begins its rollout to the regions.
pub(super) async fn deploy(
    State(state): State<Arc<AdminState>>,
    Extension(Actor(author)): Extension<Actor>,
    Json(deploy): Json<Deploy>,
) -> Result<Json<Rollout>> {
    let mut action = AuditedAction::new(author, "deploy", "").of(deploy.digest);
    let outcome = try_deploy(&state, &mut action, deploy).await;
    action.record_refusal(&state, outcome).await
}

async fn try_deploy(
    state: &AdminState,
    action: &mut AuditedAction,
    deploy: Deploy,
) -> Result<Json<Rollout>> {
    let record = state.control.bundle_record(deploy.digest).await?;
    let record = record.ok_or_else(|| {
        ApiError::not_found(format!(
            "there is no bundle {}; add it first",
            deploy.digest
        ))
    })?;
    action.plugin.clone_from(&record.plugin);
    let (canary_percent, plan) = canary_plan::plan(state, &deploy)?;
    let regions = regions::named(state, &record.plugin, &deploy.regions).await?;
    let new = NewRollout {
        plugin: record.plugin,
        digest: Some(deploy.digest),
        regions,
        canary_percent,
        pause: Duration::from_millis(deploy.pause_ms),
        max_unavailable: MaxUnavailable::Nodes(deploy.max_unavailable),
        plan,
        author: action.author.clone(),
    };
    begin(state, action, new, deploy.origin.as_deref()).await
}
