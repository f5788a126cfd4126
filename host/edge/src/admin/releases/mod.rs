//! Handlers that add, list, compare and collect the bundles of releases.

mod bundles;
mod diff;
mod gc;
mod lists;
mod named;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post, put};

use super::AdminState;
pub(super) use named::named_release;

pub(super) fn routes() -> Router<Arc<AdminState>> {
    Router::new()
        .route("/v1/bundles/{digest}", put(bundles::add))
        .route("/v1/plugins/{plugin}/releases", get(lists::releases))
        .route("/v1/plugins/{plugin}/bundles", get(lists::bundles))
        .route(
            "/v1/plugins/{plugin}/bundles/{name}",
            get(lists::bundle_named),
        )
        .route("/v1/plugins/{plugin}/log", get(lists::log))
        .route("/v1/plugins/{plugin}/rollouts", get(lists::rollouts))
        .route("/v1/plugins/{plugin}/diff", get(diff::show))
        .route("/v1/gc", post(gc::run))
}
