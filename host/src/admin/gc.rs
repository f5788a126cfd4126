//! Collecting bundles that nobody needs any more.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};

use super::Office;
use super::api::Gc;
use super::attempt::Attempt;
use super::auth::Author;
use super::error::{Refusal, Result};
use crate::rollout::control::gc::Collection;

/// POST `/v1/gc`.
pub(super) async fn run(
    State(office): State<Arc<Office>>,
    Extension(Author(author)): Extension<Author>,
    Json(order): Json<Gc>,
) -> Result<Json<Collection>> {
    let attempt = Attempt::new(author, "gc", "");
    let outcome = try_run(&office, &attempt, order).await;
    attempt.settle(&office, outcome).await
}

async fn try_run(office: &Office, attempt: &Attempt, order: Gc) -> Result<Json<Collection>> {
    if order.keep == 0 {
        return Err(Refusal::bad_request("keep is not 1 or more"));
    }
    let found = office.control.garbage(order.keep).await?;
    if order.dry_run {
        return Ok(Json(found));
    }
    let collected = office.control.collect(found.collected).await?;
    for record in &collected {
        let detail = format!("{}@{} {}", record.plugin, record.version, record.digest);
        attempt
            .for_plugin(&record.plugin)
            .done(office, &detail)
            .await?;
    }
    Ok(Json(Collection {
        collected,
        kept: found.kept,
    }))
}
