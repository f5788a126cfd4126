//! Handlers that promote a canary, or abort a rollout.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, State};

use super::in_progress::{open, refuse_paused};
use crate::admin::AdminState;
use crate::admin::audit::AuditedAction;
use crate::admin::error::{ApiError, Result};
use crate::admin::server::Actor;
use crate::rollout::control::rollouts::{Phase, Rollout};

/// POST `/v1/plugins/{plugin}/promote`: rolls the canary out to all clients.
pub(super) async fn promote(
    State(state): State<Arc<AdminState>>,
    Extension(Actor(author)): Extension<Actor>,
    Path(plugin): Path<String>,
) -> Result<Json<Rollout>> {
    let action = AuditedAction::new(author, "promote", &plugin);
    let outcome = try_promote(&state, &action).await;
    action.record_refusal(&state, outcome).await
}

async fn try_promote(state: &AdminState, action: &AuditedAction) -> Result<Json<Rollout>> {
    let rollout = open(state, &action.plugin).await?;
    if rollout.phase != Phase::Canary {
        let detail = format!(
            "the rollout is {}, and has no canary to promote",
            rollout.phase
        );
        return Err(ApiError::conflict(detail));
    }
    refuse_paused(state, &rollout).await?;
    move_to(state, action, rollout, Phase::Promoting).await
}

/// POST `/v1/plugins/{plugin}/abort`: ends a rollout, and reverts what it
/// changed.
pub(super) async fn abort(
    State(state): State<Arc<AdminState>>,
    Extension(Actor(author)): Extension<Actor>,
    Path(plugin): Path<String>,
) -> Result<Json<Rollout>> {
    let action = AuditedAction::new(author, "abort", &plugin);
    let outcome = async {
        let rollout = open(&state, &action.plugin).await?;
        move_to(&state, &action, rollout, Phase::Aborting).await
    };
    let outcome = outcome.await;
    action.record_refusal(&state, outcome).await
}

/// Moves the rollout to another phase, unless it has moved meanwhile.
async fn move_to(
    state: &AdminState,
    action: &AuditedAction,
    rollout: Rollout,
    to: Phase,
) -> Result<Json<Rollout>> {
    let reason = match to {
        Phase::Aborting => format!("aborted by {}", action.author),
        _ => String::new(),
    };
    if !state.control.move_rollout(&rollout, to, &reason).await? {
        let detail = "the rollout went on meanwhile; look at it again";
        return Err(ApiError::conflict(detail));
    }
    action
        .done(state, &format!("rollout {}", rollout.id))
        .await?;
    state.notifier.leaders().await;
    Ok(Json(Rollout {
        phase: to,
        reason,
        ..rollout
    }))
}
