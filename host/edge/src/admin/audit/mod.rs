//! Audit: what operators did, recorded by the handlers that do it, and listed.

mod action;
mod records;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use super::AdminState;
pub(super) use action::AuditedAction;

pub(super) fn routes() -> Router<Arc<AdminState>> {
    Router::new().route("/v1/audit", get(records::page))
}
