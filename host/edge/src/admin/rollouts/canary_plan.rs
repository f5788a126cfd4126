//! Canary that a deployment asks for.

use crate::admin::AdminState;
use crate::admin::api::Deploy;
use crate::admin::error::{ApiError, Result};
use crate::rollout::control::rollouts::Plan;

/// Maximum share of a canary in percent: one for all clients would be none.
const MAX_PERCENT: u8 = 99;

/// Maximum length of a check's URL and query together, in bytes.
const MAX_CHECK: usize = 4000;

/// Validates the canary that `deploy` asks for. Returns its first share in
/// percent, 0 for no canary, and its plan.
pub(super) fn plan(state: &AdminState, deploy: &Deploy) -> Result<(u8, Plan)> {
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
        let allowed = state.checks.allowed(check);
        allowed.map_err(|problem| ApiError::bad_request(format!("the check {problem}")))?;
        if check.length() > MAX_CHECK {
            let detail = format!("the check is longer than {MAX_CHECK} bytes");
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
    if let Some(problem) = steps.iter().copied().find_map(share_problem) {
        return Some(problem);
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

/// Returns the problem of a share in percent, if there is one.
pub(super) fn share_problem(percent: u8) -> Option<String> {
    let is_share = (1..=MAX_PERCENT).contains(&percent);
    (!is_share).then(|| format!("a canary takes 1 to {MAX_PERCENT} percent of the clients"))
}
