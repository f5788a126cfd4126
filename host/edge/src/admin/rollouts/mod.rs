//! Handlers that begin, change, end and show rollouts.

mod begin;
mod canary;
mod canary_plan;
mod decide;
mod deploy;
mod fill;
mod in_progress;
mod regions;
mod remove;
mod roll_back;
mod show;

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, get, post};

use super::AdminState;
pub(super) use show::progress;

pub(super) fn routes() -> Router<Arc<AdminState>> {
    Router::new()
        .route("/v1/rollouts", post(deploy::deploy))
        .route("/v1/rollouts/{id}", get(show::show))
        .route("/v1/plugins/{plugin}", delete(remove::remove))
        .route("/v1/plugins/{plugin}/promote", post(decide::promote))
        .route("/v1/plugins/{plugin}/abort", post(decide::abort))
        .route("/v1/plugins/{plugin}/pause", post(canary::pause))
        .route("/v1/plugins/{plugin}/resume", post(canary::resume))
        .route("/v1/plugins/{plugin}/canary", post(canary::set_share))
        .route("/v1/plugins/{plugin}/rollout", get(show::show_open))
        .route("/v1/plugins/{plugin}/rollback", post(roll_back::roll_back))
        .route("/v1/regions/{region}/fill", post(fill::fill))
}
