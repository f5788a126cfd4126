//! The releases of one plugin.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;

use super::api::{Diff, Releases};
use super::error::{Refusal, Result};
use super::{Office, diff};
use crate::rollout::bundle::{Bundle, Digest};

/// GET `/v1/plugins/{plugin}/releases`.
pub(super) async fn releases(
    State(office): State<Arc<Office>>,
    Path(plugin): Path<String>,
) -> Result<Json<Releases>> {
    let control = &office.control;
    let releases = Releases {
        bundles: control.bundles_of(&plugin).await?,
        log: control.history(&plugin).await?,
        rollouts: control.rollouts_of(&plugin).await?,
    };
    if releases.bundles.is_empty() {
        return Err(Refusal::not_found(format!("there is no plugin {plugin}")));
    }
    Ok(Json(releases))
}

/// The two releases to compare: versions, or beginnings of digests.
#[derive(Debug, Deserialize)]
pub(super) struct Pair {
    from: String,
    to: String,
}

/// GET `/v1/plugins/{plugin}/diff`.
pub(super) async fn diff(
    State(office): State<Arc<Office>>,
    Path(plugin): Path<String>,
    Query(pair): Query<Pair>,
) -> Result<Json<Diff>> {
    let runtime = office.runtime.clone();
    let comparing = async move {
        let from = bundle(&office, &plugin, &pair.from).await?;
        let to = bundle(&office, &plugin, &pair.to).await?;
        Ok(Json(diff::of(&from, &to)))
    };
    runtime.in_background(comparing).await?
}

async fn bundle(office: &Office, plugin: &str, name: &str) -> Result<Bundle> {
    let digest: Digest = super::rollouts::named_release(office, plugin, name).await?;
    Ok(office.control.bundle(digest).await?.0)
}
