//! Handlers that list and compare the releases of one plugin.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use bundle::{Bundle, Digest};
use serde::Deserialize;

use super::api::{Diff, MoreReleases, Releases};
use super::error::{ApiError, Result};
use super::pages::Wanted;
use super::{AdminState, diff};
use crate::rollout::control::bundles::BundleRecord;
use crate::rollout::control::log::{Entry, is_of_entry};
use crate::rollout::control::pages::Page;
use crate::rollout::control::rollouts::Rollout;

/// Default number of records of each list.
const USUAL: u32 = 500;

/// GET `/v1/plugins/{plugin}/releases`: returns the newest records of each
/// list.
pub(super) async fn releases(
    State(office): State<Arc<AdminState>>,
    Path(plugin): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Releases>> {
    let control = &office.control;
    let page = wanted.page(USUAL)?;
    // One record more than is shown tells whether there are more.
    let limit = page.limit;
    let page = Page {
        after: None,
        limit: limit + 1,
        ..page
    };
    let mut releases = Releases {
        bundles: control.bundles_of(&plugin, &page).await?,
        log: control.history(&plugin, &page).await?,
        rollouts: control.rollouts_of(&plugin, &page).await?,
        more: MoreReleases::default(),
    };
    if releases.bundles.is_empty()
        && control
            .bundles_of(&plugin, &Page::newest(1))
            .await?
            .is_empty()
    {
        return Err(ApiError::not_found(format!("there is no plugin {plugin}")));
    }
    releases.more = MoreReleases {
        bundles: cut(&mut releases.bundles, limit),
        log: cut(&mut releases.log, limit),
        rollouts: cut(&mut releases.rollouts, limit),
    };
    Ok(Json(releases))
}

/// Truncates a list to `limit` records. Returns whether there were more.
fn cut<T>(list: &mut Vec<T>, limit: u32) -> bool {
    let limit = limit as usize;
    let is_cut = list.len() > limit;
    list.truncate(limit);
    is_cut
}

/// GET `/v1/plugins/{plugin}/bundles`: returns a page of the plugin's bundles.
pub(super) async fn bundles(
    State(office): State<Arc<AdminState>>,
    Path(plugin): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Vec<BundleRecord>>> {
    let page = wanted.page(USUAL)?;
    Ok(Json(office.control.bundles_of(&plugin, &page).await?))
}

/// GET `/v1/plugins/{plugin}/bundles/{name}`: returns the newest release with
/// this version, or with a digest that begins so.
pub(super) async fn bundle_named(
    State(office): State<Arc<AdminState>>,
    Path((plugin, name)): Path<(String, String)>,
) -> Result<Json<BundleRecord>> {
    let digest = super::rollouts::named_release(&office, &plugin, &name).await?;
    let record = office.control.bundle_record(digest).await?;
    record
        .map(Json)
        .ok_or_else(|| ApiError::not_found(format!("there is no bundle {digest}")))
}

/// GET `/v1/plugins/{plugin}/log`: returns a page of the plugin's entries of
/// the release log.
pub(super) async fn log(
    State(office): State<Arc<AdminState>>,
    Path(plugin): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Vec<Entry>>> {
    let page = wanted.page(USUAL)?;
    if page.after.as_ref().is_some_and(|after| !is_of_entry(after)) {
        return Err(ApiError::bad_request("after is no cursor of an entry"));
    }
    Ok(Json(office.control.history(&plugin, &page).await?))
}

/// GET `/v1/plugins/{plugin}/rollouts`: returns a page of the plugin's
/// rollouts.
pub(super) async fn rollouts(
    State(office): State<Arc<AdminState>>,
    Path(plugin): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Vec<Rollout>>> {
    let page = wanted.page(USUAL)?;
    Ok(Json(office.control.rollouts_of(&plugin, &page).await?))
}

/// Query parameters that name two releases to compare, by versions or
/// beginnings of digests.
#[derive(Debug, Deserialize)]
pub(super) struct Pair {
    from: String,
    to: String,
}

/// GET `/v1/plugins/{plugin}/diff`: returns the differences between two
/// releases.
pub(super) async fn diff(
    State(office): State<Arc<AdminState>>,
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

async fn bundle(office: &AdminState, plugin: &str, name: &str) -> Result<Bundle> {
    let digest: Digest = super::rollouts::named_release(office, plugin, name).await?;
    Ok(office.control.bundle(digest).await?.0)
}
