//! The release that answers a request, by its path and its client's cohort.

use std::borrow::Cow;

use http::{Request, Uri};

use super::canary::{CanaryRouting, Routed};
use super::exchange::Exchange;
use crate::rollout::{ServingState, without_mount};

/// Finds the release for `request`, and replaces the request's path by the one that its plugin
/// knows, without the mount prefix. Returns `None` if no plugin has the path.
pub(super) fn route<B>(
    serving: &ServingState,
    canaries: &CanaryRouting,
    request: &mut Request<B>,
    exchange: &mut Exchange,
) -> Option<Routed> {
    let uri = request.uri().clone();
    let path = without_mount(uri.path());
    let serving = serving.serving();
    let found = serving.routes.find(path);
    let routed = found.as_ref().and_then(|found| {
        canaries.choose(&serving.routes, found, request.headers(), exchange.client)
    });
    let path = found.map_or(Cow::Borrowed(path), |found| found.path);
    if *path != *uri.path() {
        exchange.uri = with_path(&uri, &path);
        *request.uri_mut() = exchange.uri.clone();
    }
    routed
}

/// Returns `uri` with another path.
fn with_path(uri: &Uri, path: &str) -> Uri {
    let target = match uri.query() {
        Some(query) => format!("{path}?{query}").parse(),
        None => path.parse(),
    };
    let mut parts = uri.clone().into_parts();
    // A target that is made of parts of a valid one is valid itself.
    parts.path_and_query = target.ok().or(parts.path_and_query);
    Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
}
