//! Handlers that list the releases of one plugin.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};

use super::named::named_release;
use crate::admin::AdminState;
use crate::admin::api::{MoreReleases, Releases};
use crate::admin::error::{ApiError, Result};
use crate::admin::page_query::PageQuery;
use crate::rollout::control::bundles::BundleRecord;
use crate::rollout::control::log::{Entry, is_of_entry};
use crate::rollout::control::pages::Page;
use crate::rollout::control::rollouts::Rollout;

/// Default number of records of each list.
const DEFAULT_LIMIT: u32 = 500;

/// GET `/v1/plugins/{plugin}/releases`: returns the newest records of each
/// list.
pub(super) async fn releases(
    State(state): State<Arc<AdminState>>,
    Path(plugin): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Releases>> {
    let control = &state.control;
    let page = query.page(DEFAULT_LIMIT)?;
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
    State(state): State<Arc<AdminState>>,
    Path(plugin): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Vec<BundleRecord>>> {
    let page = query.page(DEFAULT_LIMIT)?;
    Ok(Json(state.control.bundles_of(&plugin, &page).await?))
}

/// GET `/v1/plugins/{plugin}/bundles/{name}`: returns the newest release with
/// this version, or with a digest that begins so.
pub(super) async fn bundle_named(
    State(state): State<Arc<AdminState>>,
    Path((plugin, name)): Path<(String, String)>,
) -> Result<Json<BundleRecord>> {
    let digest = named_release(&state, &plugin, &name).await?;
    let record = state.control.bundle_record(digest).await?;
    record
        .map(Json)
        .ok_or_else(|| ApiError::not_found(format!("there is no bundle {digest}")))
}

/// GET `/v1/plugins/{plugin}/log`: returns a page of the plugin's entries of
/// the release log.
pub(super) async fn log(
    State(state): State<Arc<AdminState>>,
    Path(plugin): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Vec<Entry>>> {
    let page = query.page(DEFAULT_LIMIT)?;
    if page.after.as_ref().is_some_and(|after| !is_of_entry(after)) {
        return Err(ApiError::bad_request("after is no cursor of an entry"));
    }
    Ok(Json(state.control.history(&plugin, &page).await?))
}

/// GET `/v1/plugins/{plugin}/rollouts`: returns a page of the plugin's
/// rollouts.
pub(super) async fn rollouts(
    State(state): State<Arc<AdminState>>,
    Path(plugin): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Vec<Rollout>>> {
    let page = query.page(DEFAULT_LIMIT)?;
    Ok(Json(state.control.rollouts_of(&plugin, &page).await?))
}
