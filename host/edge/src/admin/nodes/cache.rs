//! Handlers that show the replies that a node keeps, and forget them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Query, State};
use serde::Deserialize;

use crate::admin::AdminState;
use crate::admin::api::{CacheExplanation, CacheState, CachedRoute};
use crate::admin::audit::AuditedAction;
use crate::admin::error::{ApiError, Result};
use crate::admin::server::Actor;
use crate::reply_cache::ReplyCache;
use crate::rollout::without_mount;

/// GET `/v1/cache`: returns the size of the cache, and what it did for each route.
pub(super) async fn show(State(state): State<Arc<AdminState>>) -> Result<Json<CacheState>> {
    let cache = cache_of(&state)?;
    let (bytes, max_bytes) = cache.bytes();
    let mut routes = Vec::new();
    for route in state.live.serving().routes.iter() {
        let mut results = std::collections::BTreeMap::<String, u64>::new();
        route.stats.each(|_, stats| {
            for (result, count) in stats.cache().iter() {
                *results.entry(result.name().to_owned()).or_default() += count;
            }
        });
        if !results.is_empty() {
            let route = route.path.clone();
            routes.push(CachedRoute { route, results });
        }
    }
    Ok(Json(CacheState {
        bytes,
        max_bytes,
        entries: cache.entries(),
        routes,
    }))
}

/// Query of GET `/v1/cache/why`.
#[derive(Deserialize)]
pub(super) struct Why {
    target: String,
}

/// GET `/v1/cache/why`: returns what is known of the replies to one path and query.
pub(super) async fn why(
    State(state): State<Arc<AdminState>>,
    Query(Why { target }): Query<Why>,
) -> Result<Json<CacheExplanation>> {
    let cache = cache_of(&state)?;
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (&*target, None),
    };
    let serving = state.live.serving();
    let path = without_mount(state.mount_path.as_deref(), path);
    let found = serving.routes.find(path);
    let found = found.ok_or_else(|| ApiError::not_found(format!("no plugin serves {path}")))?;
    let releases = found.plugin.releases().map(|release| {
        let target = match query {
            Some(query) => format!("{}?{query}", found.path),
            None => found.path.clone().into_owned(),
        };
        let policy = release.manifest.cache.as_ref();
        let policy = policy.filter(|policy| policy.covers(&found.path));
        let name = format!("{}@{}", release.manifest.name, release.version);
        let known = policy.map(|policy| cache.explain(policy, release.digest, &target));
        (name, known)
    });
    Ok(Json(CacheExplanation {
        route: found.route.path.clone(),
        releases: releases.collect(),
    }))
}

/// DELETE `/v1/cache`: forgets all replies that this node keeps.
pub(super) async fn purge(
    State(state): State<Arc<AdminState>>,
    Extension(Actor(author)): Extension<Actor>,
) -> Result<Json<CacheState>> {
    let node = &state.reconciler.name().node;
    let action = AuditedAction::new(author, "purge-cache", "").of(node);
    let outcome = try_purge(&state, &action).await;
    action.record_refusal(&state, outcome).await?;
    show(State(state.clone())).await
}

async fn try_purge(state: &AdminState, action: &AuditedAction) -> Result<()> {
    let cache = cache_of(state)?;
    let node = &state.reconciler.name().node;
    let detail = format!("{} replies of node {node}", cache.entries());
    action.done(state, &detail).await?;
    cache.purge();
    Ok(())
}

fn cache_of(state: &AdminState) -> Result<&ReplyCache> {
    let cache = state.reply_cache.as_deref();
    cache.ok_or_else(|| ApiError::conflict("the setting reply_cache is off on this node"))
}
