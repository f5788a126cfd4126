//! Handlers for canaries that advance by themselves, and for paused rollouts.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, State};

use super::api::{Deploy, RolloutStatus, SetShare};
use super::attempt::AuditedAction;
use super::auth::Actor;
use super::error::{ApiError, Result};
use super::{AdminState, rollouts};
use crate::rollout::control::ControlError;
use crate::rollout::control::rollouts::{Phase, Plan, Rollout};
use crate::rollout::{RolloutProgress, compared};

/// Maximum share of a canary in percent: one for all clients would be none.
const MOST_PERCENT: u8 = 99;

/// Maximum length of a check's URL and query together, in bytes.
const LONGEST_CHECK: usize = 4000;

/// Validates the canary that `deploy` asks for. Returns its first share in
/// percent, 0 for no canary, and its plan.
pub(super) fn plan(office: &AdminState, deploy: &Deploy) -> Result<(u8, Plan)> {
    let steps = match deploy.canary_steps.as_slice() {
        [] if deploy.canary_percent == 0 => Vec::new(),
        [] => vec![deploy.canary_percent],
        steps => steps.to_vec(),
    };
    let first = steps.first().copied().unwrap_or(0);
    if let Some(problem) = problem(deploy, &steps) {
        return Err(ApiError::bad_request(problem));
    }
    if let Some(check) = &deploy.check {
        let allowed = office.checks.allowed(check);
        allowed.map_err(|problem| ApiError::bad_request(format!("the check {problem}")))?;
        if check.length() > LONGEST_CHECK {
            let detail = format!("the check is longer than {LONGEST_CHECK} bytes");
            return Err(ApiError::bad_request(detail));
        }
    }
    let plan = Plan {
        steps,
        every_ms: deploy.every_ms,
        promote_after_ms: deploy.promote_after_ms,
        check: deploy.check.clone(),
    };
    Ok((first, plan))
}

/// Returns the problem of the canary that is asked for, if there is one.
fn problem(deploy: &Deploy, steps: &[u8]) -> Option<String> {
    let is_share = |step: &u8| (1..=MOST_PERCENT).contains(step);
    if !steps.iter().all(is_share) {
        return Some(share_problem());
    }
    if !steps.is_sorted_by(|one, next| one < next) {
        return Some("each step of a canary has to be larger than the one before".to_owned());
    }
    if deploy.canary_percent > 0 && steps.first() != Some(&deploy.canary_percent) {
        return Some("canary_percent is not the first of canary_steps".to_owned());
    }
    if steps.len() > 1 && deploy.every_ms == 0 {
        return Some("a canary of several steps needs a time for each of them".to_owned());
    }
    if steps.len() < 2 && deploy.every_ms > 0 {
        return Some("a canary of one step has no time between steps".to_owned());
    }
    let has_plan = deploy.promote_after_ms.is_some() || deploy.check.is_some();
    if steps.is_empty() && has_plan {
        return Some("there is no canary to promote or to check".to_owned());
    }
    None
}

fn share_problem() -> String {
    format!("a canary takes 1 to {MOST_PERCENT} percent of the clients")
}

/// POST `/v1/plugins/{plugin}/canary`: changes the share of the clients that
/// get the canary.
pub(super) async fn set_share(
    State(office): State<Arc<AdminState>>,
    Extension(Actor(author)): Extension<Actor>,
    Path(plugin): Path<String>,
    Json(share): Json<SetShare>,
) -> Result<Json<Rollout>> {
    let attempt = AuditedAction::new(author, "canary share", &plugin).of(share.percent);
    let outcome = try_set_share(&office, &attempt, share.percent).await;
    attempt.settle(&office, outcome).await
}

async fn try_set_share(
    office: &AdminState,
    attempt: &AuditedAction,
    percent: u8,
) -> Result<Json<Rollout>> {
    if !(1..=MOST_PERCENT).contains(&percent) {
        return Err(ApiError::bad_request(share_problem()));
    }
    let rollout = rollouts::open(office, &attempt.plugin).await?;
    if !rollout.has_canary() || rollout.phase != Phase::Canary {
        let phase = rollout.phase;
        let detail = format!("the rollout is {phase}, and has no canary to change");
        return Err(ApiError::conflict(detail));
    }
    refuse_paused(office, &rollout).await?;
    if office.control.plan(&rollout.id).await?.is_none() {
        // A rollout that an older host began has no plan.
        office
            .control
            .add_plan(&rollout.id, &Plan::default())
            .await?;
    }
    let record = office.control.plan(&rollout.id).await?;
    let record = record.ok_or_else(gone)?;
    let heads = office.control.desired_of(&rollout.plugin).await?;
    let nodes = office.control.nodes().await?;
    let total = compared(&rollout, &heads, &nodes).totals.compared();
    let control = &office.control;
    if !control.set_share(&rollout, &record, percent, total).await? {
        return Err(went_on());
    }
    let before = rollout.canary_percent;
    let detail = format!("rollout {}: from {before} % to {percent} %", rollout.id);
    attempt.done(office, &detail).await?;
    office.wake.everywhere().await;
    Ok(Json(Rollout {
        canary_percent: percent,
        ..rollout
    }))
}

/// POST `/v1/plugins/{plugin}/pause`: pauses the rollout in its current phase.
pub(super) async fn pause(
    State(office): State<Arc<AdminState>>,
    Extension(Actor(author)): Extension<Actor>,
    Path(plugin): Path<String>,
) -> Result<Json<Rollout>> {
    let attempt = AuditedAction::new(author, "pause", &plugin);
    let outcome = async {
        let rollout = rollouts::open(&office, &attempt.plugin).await?;
        if !rollout.phase.can_be_paused() {
            let detail = format!("the rollout is {}, and cannot be held", rollout.phase);
            return Err(ApiError::conflict(detail));
        }
        let is_new = office.control.pause(&rollout.id, &attempt.author).await?;
        settle_hold(&office, &attempt, rollout, is_new, "is paused already").await
    };
    let outcome = outcome.await;
    attempt.settle(&office, outcome).await
}

/// POST `/v1/plugins/{plugin}/resume`: resumes a paused rollout.
pub(super) async fn resume(
    State(office): State<Arc<AdminState>>,
    Extension(Actor(author)): Extension<Actor>,
    Path(plugin): Path<String>,
) -> Result<Json<Rollout>> {
    let attempt = AuditedAction::new(author, "resume", &plugin);
    let outcome = async {
        let rollout = rollouts::open(&office, &attempt.plugin).await?;
        let was_held = office.control.resume(&rollout.id).await?;
        settle_hold(&office, &attempt, rollout, was_held, "is not paused").await
    };
    let outcome = outcome.await;
    attempt.settle(&office, outcome).await
}

async fn settle_hold(
    office: &AdminState,
    attempt: &AuditedAction,
    rollout: Rollout,
    is_changed: bool,
    otherwise: &str,
) -> Result<Json<Rollout>> {
    if !is_changed {
        let id = &rollout.id;
        return Err(ApiError::conflict(format!("the rollout {id} {otherwise}")));
    }
    let detail = format!("rollout {}", rollout.id);
    attempt.done(office, &detail).await?;
    office.wake.everywhere().await;
    Ok(Json(rollout))
}

/// GET `/v1/plugins/{plugin}/rollout`: returns the rollout in progress and its
/// state.
pub(super) async fn show(
    State(office): State<Arc<AdminState>>,
    Path(plugin): Path<String>,
) -> Result<Json<RolloutStatus>> {
    let rollout = office.control.open_rollout_of(&plugin).await?;
    let rollout =
        rollout.ok_or_else(|| ApiError::not_found(format!("no rollout of {plugin} goes on")))?;
    let progress = progress(&office, &rollout).await?;
    Ok(Json(RolloutStatus { rollout, progress }))
}

/// Returns the progress of `rollout`. A plan that this version cannot read is
/// reported in it rather than as an error, so that other rollouts are still
/// shown.
pub(super) async fn progress(office: &AdminState, rollout: &Rollout) -> Result<RolloutProgress> {
    let record = match office.control.plan(&rollout.id).await {
        Err(ControlError::Unreadable(problem)) => {
            return Ok(RolloutProgress::unreadable(rollout, problem));
        }
        record => record?,
    };
    let heads = office.control.desired_of(&rollout.plugin).await?;
    let nodes = office.control.nodes().await?;
    Ok(RolloutProgress::new(
        rollout,
        record.as_ref(),
        &heads,
        &nodes,
        &office.thresholds,
        office.checks.interval(),
    ))
}

/// Refuses a change that a paused rollout could not make until it is resumed.
pub(super) async fn refuse_paused(office: &AdminState, rollout: &Rollout) -> Result<()> {
    let record = office.control.plan(&rollout.id).await?;
    let paused_by = record.and_then(|record| record.paused_by);
    paused_by.map_or(Ok(()), |author| {
        let id = &rollout.id;
        let detail = format!("the rollout {id} was paused by {author}; resume it first");
        Err(ApiError::conflict(detail))
    })
}

fn gone() -> ApiError {
    ApiError::conflict("the rollout has ended meanwhile")
}

fn went_on() -> ApiError {
    ApiError::conflict("the rollout went on meanwhile; look at it again")
}
