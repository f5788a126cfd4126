//! Handlers that show the nodes and their logs, and forget those that are gone.

mod cache;
mod forget;
mod logs;
mod status;

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, get};

use super::AdminState;

pub(super) fn routes() -> Router<Arc<AdminState>> {
    Router::new()
        .route("/v1/status", get(status::show))
        .route("/v1/cache", get(cache::show).delete(cache::purge))
        .route("/v1/cache/why", get(cache::why))
        .route("/v1/logs", get(logs::show))
        .route("/v1/nodes/{node}", delete(forget::node))
        .route("/v1/regions/{region}", delete(forget::region))
}
