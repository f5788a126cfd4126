//! Handlers that change the share of a canary, and pause and resume rollouts.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, State};

use super::canary_plan::share_problem;
use super::in_progress::{open, refuse_paused};
use crate::admin::AdminState;
use crate::admin::api::SetShare;
use crate::admin::audit::AuditedAction;
use crate::admin::error::{ApiError, Result};
use crate::admin::server::Actor;
use crate::rollout::compared;
use crate::rollout::control::rollouts::{Phase, Plan, PlanRecord, Rollout};

/// POST `/v1/plugins/{plugin}/canary`: changes the share of the clients that
/// get the canary.
pub(super) async fn set_share(
    State(state): State<Arc<AdminState>>,
    Extension(Actor(author)): Extension<Actor>,
    Path(plugin): Path<String>,
    Json(share): Json<SetShare>,
) -> Result<Json<Rollout>> {
    let action = AuditedAction::new(author, "canary share", &plugin).of(share.percent);
    let outcome = try_set_share(&state, &action, share.percent).await;
    action.record_refusal(&state, outcome).await
}

async fn try_set_share(
    state: &AdminState,
    action: &AuditedAction,
    percent: u8,
) -> Result<Json<Rollout>> {
    if let Some(problem) = share_problem(percent) {
        return Err(ApiError::bad_request(problem));
    }
    let rollout = open(state, &action.plugin).await?;
    if !rollout.has_canary() || rollout.phase != Phase::Canary {
        let phase = rollout.phase;
        let detail = format!("the rollout is {phase}, and has no canary to change");
        return Err(ApiError::conflict(detail));
    }
    refuse_paused(state, &rollout).await?;
    let record = plan_of(state, &rollout).await?;
    let heads = state.control.desired_of(&rollout.plugin).await?;
    let nodes = state.control.nodes().await?;
    let total = compared(&rollout, &heads, &nodes).totals.compared();
    let control = &state.control;
    if !control.set_share(&rollout, &record, percent, total).await? {
        return Err(moved_on());
    }
    let before = rollout.canary_percent;
    let detail = format!("rollout {}: from {before} % to {percent} %", rollout.id);
    action.done(state, &detail).await?;
    state.notifier.everywhere().await;
    Ok(Json(Rollout {
        canary_percent: percent,
        ..rollout
    }))
}

/// Returns the plan of a rollout. One that an older host began has none, and
/// gets an empty one.
async fn plan_of(state: &AdminState, rollout: &Rollout) -> Result<PlanRecord> {
    let (control, id) = (&state.control, &rollout.id);
    if control.plan(id).await?.is_none() {
        control.add_plan(id, &Plan::default()).await?;
    }
    control.plan(id).await?.ok_or_else(gone)
}

/// POST `/v1/plugins/{plugin}/pause`: pauses the rollout in its current phase.
pub(super) async fn pause(
    State(state): State<Arc<AdminState>>,
    Extension(Actor(author)): Extension<Actor>,
    Path(plugin): Path<String>,
) -> Result<Json<Rollout>> {
    let action = AuditedAction::new(author, "pause", &plugin);
    let outcome = async {
        let rollout = open(&state, &action.plugin).await?;
        if !rollout.phase.can_be_paused() {
            let detail = format!("the rollout is {}, and cannot be held", rollout.phase);
            return Err(ApiError::conflict(detail));
        }
        let is_new = state.control.pause(&rollout.id, &action.author).await?;
        pause_changed(&state, &action, rollout, is_new, "is paused already").await
    };
    let outcome = outcome.await;
    action.record_refusal(&state, outcome).await
}

/// POST `/v1/plugins/{plugin}/resume`: resumes a paused rollout.
pub(super) async fn resume(
    State(state): State<Arc<AdminState>>,
    Extension(Actor(author)): Extension<Actor>,
    Path(plugin): Path<String>,
) -> Result<Json<Rollout>> {
    let action = AuditedAction::new(author, "resume", &plugin);
    let outcome = async {
        let rollout = open(&state, &action.plugin).await?;
        let was_held = state.control.resume(&rollout.id).await?;
        pause_changed(&state, &action, rollout, was_held, "is not paused").await
    };
    let outcome = outcome.await;
    action.record_refusal(&state, outcome).await
}

async fn pause_changed(
    state: &AdminState,
    action: &AuditedAction,
    rollout: Rollout,
    is_changed: bool,
    otherwise: &str,
) -> Result<Json<Rollout>> {
    if !is_changed {
        let id = &rollout.id;
        return Err(ApiError::conflict(format!("the rollout {id} {otherwise}")));
    }
    let detail = format!("rollout {}", rollout.id);
    action.done(state, &detail).await?;
    state.notifier.everywhere().await;
    Ok(Json(rollout))
}

fn gone() -> ApiError {
    ApiError::conflict("the rollout has ended meanwhile")
}

fn moved_on() -> ApiError {
    ApiError::conflict("the rollout went on meanwhile; look at it again")
}
