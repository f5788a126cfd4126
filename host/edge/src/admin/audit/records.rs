//! Handler that lists audit records, page by page.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;

use crate::admin::AdminState;
use crate::admin::error::{ApiError, Result};
use crate::rollout::control::audit::{AuditPage, AuditRecord, parse_cursor};

/// Maximum number of records of one page.
const MAX_LIMIT: u32 = 1000;

/// Returns the size of a page for clients that give none, as before there were
/// pages.
fn default_limit() -> u32 {
    500
}

/// Query parameters that select audit records.
#[derive(Debug, Deserialize)]
pub(in crate::admin) struct AuditQuery {
    /// Earliest time, in milliseconds since 1970, inclusive.
    #[serde(default)]
    since: i64,
    /// Latest time, in milliseconds since 1970, exclusive.
    until: Option<i64>,
    /// Cursor of the last record of the previous page.
    after: Option<String>,
    #[serde(default = "default_limit")]
    limit: u32,
}

/// GET `/v1/audit`.
pub(in crate::admin) async fn page(
    State(state): State<Arc<AdminState>>,
    Query(query): Query<AuditQuery>,
) -> Result<Json<Vec<AuditRecord>>> {
    if let Some(after) = &query.after
        && parse_cursor(after).is_none()
    {
        return Err(ApiError::bad_request("after is no cursor of a record"));
    }
    if query.limit == 0 || query.limit > MAX_LIMIT {
        return Err(ApiError::bad_request(format!(
            "limit is not 1 to {MAX_LIMIT}"
        )));
    }
    let page = AuditPage {
        since: query.since,
        until: query.until.unwrap_or(i64::MAX),
        after: query.after,
        limit: query.limit,
    };
    Ok(Json(state.control.audited(&page).await?))
}
