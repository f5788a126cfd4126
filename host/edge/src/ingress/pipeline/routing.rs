//! The release that answers a request, by its path and its client's cohort.

use std::borrow::Cow;
use std::sync::Arc;

use http::{Request, Uri};

use super::canary::{CanaryRouting, Routed};
use super::exchange::Exchange;
use crate::rollout::{ServingState, without_mount};

/// Router of requests to the releases that are served.
pub(super) struct Router {
    pub(super) serving: Arc<ServingState>,
    pub(super) canaries: CanaryRouting,
    /// Path under which all routes answer too.
    pub(super) mount_path: Option<String>,
}

impl Router {
    /// Finds the release for `request`, and replaces the request's path by the one that its plugin
    /// knows, without the mount path. Returns `None` if no plugin has the path.
    pub(super) fn route<B>(
        &self,
        request: &mut Request<B>,
        exchange: &mut Exchange,
    ) -> Option<Routed> {
        let uri = request.uri().clone();
        let path = without_mount(self.mount_path.as_deref(), uri.path());
        let serving = self.serving.serving();
        let found = serving.routes.find(path);
        let routed = found.as_ref().and_then(|found| {
            let (routes, client) = (&serving.routes, exchange.client);
            self.canaries
                .choose(routes, found, request.headers(), client)
        });
        let path = found.map_or(Cow::Borrowed(path), |found| found.path);
        if *path != *uri.path() {
            exchange.uri = with_path(&uri, &path);
            *request.uri_mut() = exchange.uri.clone();
        }
        routed
    }
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
