//! Handlers that change what plugins keep: accounts, generated rows, and tables
//! by migrations.

mod accounts;
mod migrations;
mod seed;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use super::AdminState;

pub(super) fn routes() -> Router<Arc<AdminState>> {
    let small = DefaultBodyLimit::max(accounts::MAX_BODY);
    Router::new()
        .route(
            "/v1/migrations",
            get(migrations::list).post(migrations::begin),
        )
        .route("/v1/migrations/plan", get(migrations::plan))
        .route("/v1/migrations/{id}", get(migrations::show))
        .route("/v1/accounts", post(accounts::keep).layer(small))
        .route("/v1/seed", post(seed::begin))
}
