//! The operators' API, on a listener of its own and with credentials of its
//! own: none of it can be reached through the shop's port.
//!
//! The API is versioned by the first segment of its paths and described by
//! `openapi.yaml`. Errors are RFC 9457 problem details.

pub mod api;
mod audit;
mod data;
mod error;
mod metrics;
mod nodes;
mod page_query;
mod releases;
mod rollouts;
mod server;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::{CONNECTION, CONTENT_TYPE};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, extract::Extension};
use tokio_util::sync::CancellationToken;

pub use server::{Admin, AdminError, AdminTokens, TokensError};

use bundle::LONGEST;
use stores::limiter::Limiter;

use crate::framing;
use crate::ingress::CertificateValidity;
use crate::reply_cache::ReplyCache;
use crate::rollout::canary::Thresholds;
use crate::rollout::check::Checks;
use crate::rollout::control::Control;
use crate::rollout::{Activator, Backends, FleetHealth, Notifier, Reconciler, ServingState};
use crate::runtime::Runtime;
use crate::telemetry::Traffic;
use crate::telemetry::counters::Registry;
use crate::telemetry::traces::Traces;

/// OpenAPI document of the API, which the listener serves.
const OPENAPI: &str = include_str!("openapi.yaml");

/// State shared by the handlers of the API.
pub struct AdminState {
    /// Control database, which the shop's nodes share.
    pub control: Arc<Control>,
    /// Makes releases ready on this node.
    pub activator: Arc<Activator>,
    /// Releases that this node serves.
    pub live: Arc<ServingState>,
    /// Runtime, whose background threads run work that takes long.
    pub runtime: Arc<Runtime>,
    /// Reconciler, which knows this node's name and how far it has followed the
    /// release log.
    pub reconciler: Arc<Reconciler>,
    /// Notifies the shop's nodes of changes.
    pub notifier: Arc<Notifier>,
    /// True if real customers seem to be served.
    pub production: bool,
    /// Tokens that may use the API.
    pub tokens: AdminTokens,
    /// Replies that this node keeps; absent if the setting turns that off.
    pub reply_cache: Option<Arc<ReplyCache>>,
    /// Path under which all routes answer too.
    pub mount_path: Option<String>,
    /// Counts of requests and connections at the shop's port.
    pub traffic: Arc<Traffic>,
    /// Validity of the shop's certificate; absent without TLS.
    pub certificate: Option<Arc<CertificateValidity>>,
    /// Backends that plugins share, such as the store of buckets.
    pub services: Arc<Backends>,
    /// Rate limiter, which counts decisions.
    pub limiter: Arc<Limiter>,
    /// Counters that plugins increment themselves.
    pub counters: Arc<Registry>,
    /// Exporter of traces; absent without a collector.
    pub traces: Option<Arc<Traces>>,
    /// Differences from the active release from which a canary does worse.
    pub thresholds: Thresholds,
    /// Client of the external checks of canaries.
    pub checks: Arc<Checks>,
    /// Observations about all nodes, made while this node leads.
    pub fleet_health: Arc<FleetHealth>,
}

/// Returns all routes. Those that need an operator's token finish their changes
/// without their client.
fn router(state: Arc<AdminState>, stop: CancellationToken) -> Router {
    let guarded = Router::new()
        .merge(rollouts::routes())
        .merge(releases::routes())
        .merge(data::routes())
        .merge(nodes::routes())
        .merge(audit::routes())
        .route("/metrics", get(metrics::show))
        .layer(DefaultBodyLimit::max(LONGEST))
        .layer(from_fn(server::finish))
        .layer(from_fn_with_state(state.clone(), server::require));
    Router::new()
        .route("/v1/openapi.yaml", get(openapi))
        .merge(guarded)
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::wrong_method)
        .layer(Extension(stop))
        .layer(from_fn(refuse_codings))
        .with_state(state)
}

/// Refuses a request whose body has no unambiguous end (see
/// [`framing::is_plain`]), and closes the connection without reading any
/// further.
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
