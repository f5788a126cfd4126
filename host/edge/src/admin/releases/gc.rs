//! Handler that collects bundles that are no longer needed.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};

use crate::admin::AdminState;
use crate::admin::api::Gc;
use crate::admin::audit::AuditedAction;
use crate::admin::error::{ApiError, Result};
use crate::admin::server::Actor;
use crate::rollout::control::bundles::Collection;

/// POST `/v1/gc`: collects bundles, or reports what would be collected.
pub(super) async fn run(
    State(state): State<Arc<AdminState>>,
    Extension(Actor(author)): Extension<Actor>,
    Json(order): Json<Gc>,
) -> Result<Json<Collection>> {
    let action = AuditedAction::new(author, "gc", "");
    let outcome = try_run(&state, &action, order).await;
    action.record_refusal(&state, outcome).await
}

async fn try_run(
    state: &AdminState,
    action: &AuditedAction,
    order: Gc,
) -> Result<Json<Collection>> {
    if order.keep == 0 {
        return Err(ApiError::bad_request("keep is not 1 or more"));
    }
    let found = state.control.garbage(order.keep).await?;
    if order.dry_run {
        return Ok(Json(found));
    }
    let mut collected = Vec::new();
    for record in found.collected {
        let detail = format!("{}@{} {}", record.plugin, record.version, record.digest);
        let of_plugin = action.for_plugin(&record.plugin);
        // The audit is written first, so that it covers an interrupted
        // collection.
        of_plugin.done(state, &detail).await?;
        match state.control.collect(&record).await? {
            true => collected.push(record),
            false => {
                let kept = format!("{detail}: kept, a rollout of it has begun meanwhile");
                of_plugin.done_as(state, "gc-kept", &kept).await?;
            }
        }
    }
    state.control.drop_collected().await?;
    let stored_whole = match order.whole {
        true => Some(store_whole(state, action).await?),
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
async fn store_whole(state: &AdminState, action: &AuditedAction) -> Result<usize> {
    let stored = state.control.store_whole().await?;
    let detail = format!("{stored} bundles");
    action.done_as(state, "store-whole", &detail).await?;
    Ok(stored)
}
