//! Handler that collects bundles that are no longer needed.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};

use super::AdminState;
use super::api::Gc;
use super::attempt::AuditedAction;
use super::auth::Actor;
use super::error::{ApiError, Result};
use crate::rollout::control::bundles::Collection;

/// POST `/v1/gc`: collects bundles, or reports what would be collected.
pub(super) async fn run(
    State(office): State<Arc<AdminState>>,
    Extension(Actor(author)): Extension<Actor>,
    Json(order): Json<Gc>,
) -> Result<Json<Collection>> {
    let attempt = AuditedAction::new(author, "gc", "");
    let outcome = try_run(&office, &attempt, order).await;
    attempt.settle(&office, outcome).await
}

async fn try_run(
    office: &AdminState,
    attempt: &AuditedAction,
    order: Gc,
) -> Result<Json<Collection>> {
    if order.keep == 0 {
        return Err(ApiError::bad_request("keep is not 1 or more"));
    }
    let found = office.control.garbage(order.keep).await?;
    if order.dry_run {
        return Ok(Json(found));
    }
    let mut collected = Vec::new();
    for record in found.collected {
        let detail = format!("{}@{} {}", record.plugin, record.version, record.digest);
        let of_plugin = attempt.for_plugin(&record.plugin);
        // The audit is written first, so that it covers an interrupted
        // collection.
        of_plugin.done(office, &detail).await?;
        match office.control.collect(&record).await? {
            true => collected.push(record),
            false => {
                let kept = format!("{detail}: kept, a rollout of it has begun meanwhile");
                of_plugin.done_as(office, "gc-kept", &kept).await?;
            }
        }
    }
    office.control.drop_collected().await?;
    let stored_whole = match order.whole {
        true => Some(store_whole(office, attempt).await?),
        false => None,
    };
    Ok(Json(Collection {
        collected,
        stored_whole,
        ..found
    }))
}

/// Stores bundles whole that are stored as blobs. Returns the number of
/// bundles.
async fn store_whole(office: &AdminState, attempt: &AuditedAction) -> Result<usize> {
    let stored = office.control.store_whole().await?;
    let detail = format!("{stored} bundles");
    attempt.done_as(office, "store-whole", &detail).await?;
    Ok(stored)
}
