//! The operators' API, on a listener and with credentials of its own: nothing
//! of it can be reached through the shop's port.
//!
//! It is versioned by its first segment and described by `openapi.yaml`.
//! Refusals are RFC 9457 problem details.

mod accounts;
pub mod api;
mod attempt;
mod audit;
mod auth;
mod bundles;
mod canary;
mod detached;
mod diff;
mod error;
mod fill;
mod forget;
mod gc;
mod listener;
mod logs;
mod metrics;
mod migrations;
mod pages;
mod plugins;
mod regions;
mod rollouts;
mod seed;
mod status;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::{CONNECTION, CONTENT_TYPE};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use axum::{Router, extract::Extension};
use tokio_util::sync::CancellationToken;

pub use auth::{AdminTokens, TokensError};
pub use listener::{Admin, AdminError};

use bundle::LONGEST;
use stores::limiter::Limiter;

use crate::framing;
use crate::ingress::CertificateValidity;
use crate::rollout::canary::Thresholds;
use crate::rollout::check::Checks;
use crate::rollout::control::Control;
use crate::rollout::{Activator, Backends, FleetHealth, Notifier, Reconciler, ServingState};
use crate::runtime::Runtime;
use crate::telemetry::Traffic;
use crate::telemetry::counters::Registry;
use crate::telemetry::traces::Traces;

/// The contract, as the listener serves it.
const OPENAPI: &str = include_str!("openapi.yaml");

/// What the API works on.
pub struct AdminState {
    /// What the shop's nodes agree on.
    pub control: Arc<Control>,
    /// Makes releases ready on this node.
    pub activator: Arc<Activator>,
    /// What this node serves.
    pub live: Arc<ServingState>,
    /// Has threads for what takes long.
    pub runtime: Arc<Runtime>,
    /// Knows this node, and how far it is.
    pub follower: Arc<Reconciler>,
    /// Wakes the shop's nodes.
    pub wake: Arc<Notifier>,
    /// Whether real customers seem to be served.
    pub production: bool,
    /// Who may use the API.
    pub tokens: AdminTokens,
    /// What goes on at the shop's port.
    pub traffic: Arc<Traffic>,
    /// For how long the shop's certificate is valid, where there is TLS.
    pub certificate: Option<Arc<CertificateValidity>>,
    /// What plugins share, their store of buckets among it.
    pub services: Arc<Backends>,
    /// Counts requests against rate limits.
    pub limiter: Arc<Limiter>,
    /// What plugins count themselves.
    pub counters: Arc<Registry>,
    /// Traces, where there is a collector.
    pub traces: Option<Arc<Traces>>,
    /// From which difference on a canary does worse.
    pub thresholds: Thresholds,
    /// Asks outside checks of canaries.
    pub checks: Arc<Checks>,
    /// What this node has seen of all nodes, while it leads.
    pub fleet_health: Arc<FleetHealth>,
}

fn router(office: Arc<AdminState>, stop: CancellationToken) -> Router {
    let guarded = Router::new()
        .route("/v1/status", get(status::show))
        .route("/v1/bundles/{digest}", put(bundles::add))
        .route("/v1/rollouts", post(rollouts::deploy))
        .route("/v1/rollouts/{id}", get(rollouts::show))
        .route("/v1/plugins/{plugin}", delete(rollouts::remove))
        .route("/v1/plugins/{plugin}/promote", post(rollouts::promote))
        .route("/v1/plugins/{plugin}/abort", post(rollouts::abort))
        .route("/v1/plugins/{plugin}/pause", post(canary::pause))
        .route("/v1/plugins/{plugin}/resume", post(canary::resume))
        .route("/v1/plugins/{plugin}/canary", post(canary::set_share))
        .route("/v1/plugins/{plugin}/rollout", get(canary::show))
        .route("/v1/plugins/{plugin}/rollback", post(rollouts::roll_back))
        .route("/v1/plugins/{plugin}/releases", get(plugins::releases))
        .route("/v1/plugins/{plugin}/bundles", get(plugins::bundles))
        .route(
            "/v1/plugins/{plugin}/bundles/{name}",
            get(plugins::bundle_named),
        )
        .route("/v1/plugins/{plugin}/log", get(plugins::log))
        .route("/v1/plugins/{plugin}/rollouts", get(plugins::rollouts))
        .route("/v1/plugins/{plugin}/diff", get(plugins::diff))
        .route("/v1/regions/{region}/fill", post(fill::fill))
        .route(
            "/v1/migrations",
            get(migrations::list).post(migrations::begin),
        )
        .route("/v1/migrations/plan", get(migrations::plan))
        .route("/v1/migrations/{id}", get(migrations::show))
        .route(
            "/v1/accounts",
            post(accounts::keep).layer(DefaultBodyLimit::max(accounts::LONGEST)),
        )
        .route("/v1/seed", post(seed::begin))
        .route("/v1/logs", get(logs::show))
        .route("/v1/audit", get(audit::page))
        .route("/v1/gc", post(gc::run))
        .route("/v1/nodes/{node}", delete(forget::node))
        .route("/v1/regions/{region}", delete(forget::region))
        .route("/metrics", get(metrics::show))
        .layer(DefaultBodyLimit::max(LONGEST))
        .layer(from_fn(detached::finish))
        .layer(from_fn_with_state(office.clone(), auth::require));
    Router::new()
        .route("/v1/openapi.yaml", get(openapi))
        .merge(guarded)
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::wrong_method)
        .layer(Extension(stop))
        .layer(from_fn(refuse_codings))
        .with_state(office)
}

/// A body whose end could be told in two ways is not read, and nothing after it
/// either.
async fn refuse_codings(request: Request, next: Next) -> Response {
    if framing::is_plain(request.headers()) {
        return next.run(request).await;
    }
    let refusal = error::ApiError::bad_request("the transfer coding is not supported");
    ([(CONNECTION, "close")], refusal).into_response()
}

async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/yaml")], OPENAPI)
}
