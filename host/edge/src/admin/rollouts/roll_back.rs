//! Handler that rolls back to an earlier release.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Extension, Path, State};
use bundle::Digest;

use super::begin::begin;
use crate::admin::AdminState;
use crate::admin::api::RollBack;
use crate::admin::audit::AuditedAction;
use crate::admin::error::{ApiError, Result};
use crate::admin::releases::named_release;
use crate::admin::server::Actor;
use crate::rollout::control::log::Entry;
use crate::rollout::control::rollouts::MaxUnavailable;
use crate::rollout::control::rollouts::Plan;
use crate::rollout::control::rollouts::{NewRollout, Rollout};
use crate::rollout::lead::rollback::{self, NotMeant};

/// POST `/v1/plugins/{plugin}/rollback`: begins a rollout of an earlier
/// release.
pub(super) async fn roll_back(
    State(state): State<Arc<AdminState>>,
    Extension(Actor(author)): Extension<Actor>,
    Path(plugin): Path<String>,
    Json(roll_back): Json<RollBack>,
) -> Result<Json<Rollout>> {
    let action = AuditedAction::new(author, "rollback", &plugin);
    let action = match &roll_back.to {
        Some(to) => action.of(to),
        None => action,
    };
    let outcome = try_roll_back(&state, &action, plugin, roll_back).await;
    action.record_refusal(&state, outcome).await
}

async fn try_roll_back(
    state: &AdminState,
    action: &AuditedAction,
    plugin: String,
    roll_back: RollBack,
) -> Result<Json<Rollout>> {
    let heads = state.control.desired_of(&plugin).await?;
    let meant = rollback::meant(&plugin, &heads, &roll_back.regions)?;
    let digest = match &roll_back.to {
        Some(to) => named_release(state, &plugin, to).await?,
        None => common_previous(state, &plugin, &meant).await?,
    };
    let regions = meant.iter().map(|head| head.region.clone()).collect();
    let new = NewRollout {
        regions,
        plugin,
        digest: Some(digest),
        canary_percent: 0,
        pause: Duration::ZERO,
        // The release to be replaced may have brought nodes down, which must
        // not prevent the rollback.
        max_unavailable: MaxUnavailable::Any,
        plan: Plan::default(),
        author: action.author.clone(),
    };
    begin(state, action, new, None).await
}

impl From<NotMeant> for ApiError {
    fn from(error: NotMeant) -> Self {
        match error {
            NotMeant::NoSuchPlugin(_) => Self::not_found(error),
            NotMeant::NoSuchRegion { .. } => Self::bad_request(error),
        }
    }
}

/// Returns the release that every one of these regions ran before its current
/// one. A rollout has one release, so regions that differ are an error, and the
/// operator names one.
async fn common_previous(state: &AdminState, plugin: &str, meant: &[&Entry]) -> Result<Digest> {
    let mut found = Vec::new();
    for head in meant {
        let (region, now) = (head.region.as_str(), head.desired.active);
        let before = state.control.previous_release(plugin, region, now).await?;
        found.push((region, before));
    }
    let before: BTreeSet<_> = found.iter().map(|(_, before)| *before).collect();
    if let (1, Some(Some(digest))) = (before.len(), before.first()) {
        return Ok(*digest);
    }
    if before.iter().all(Option::is_none) {
        let regions: Vec<_> = found.iter().map(|(region, _)| *region).collect();
        return Err(ApiError::conflict(format!(
            "region {} ran no other release of {plugin} before",
            regions.join(", ")
        )));
    }
    let mut list = Vec::new();
    for (region, digest) in found {
        list.push(format!("{region} {}", described(state, digest).await?));
    }
    Err(ApiError::conflict(format!(
        "the regions did not run the same release of {plugin} before: {}; name some of them with \
         --regions, or a release with --to",
        list.join(", ")
    )))
}

async fn described(state: &AdminState, digest: Option<Digest>) -> Result<String> {
    let Some(digest) = digest else {
        return Ok("none".to_owned());
    };
    let record = state.control.bundle_record(digest).await?;
    let version = record.map_or_else(String::new, |record| format!("{} ", record.version));
    Ok(format!("{version}({})", digest.short()))
}
