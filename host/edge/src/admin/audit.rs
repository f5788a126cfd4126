//! Handler that lists audit records, page by page.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;

use super::AdminState;
use super::error::{ApiError, Result};
use crate::rollout::control::audit::{AuditPage, AuditRecord, parse_cursor};

/// Maximum number of records of one page.
const MOST: u32 = 1000;

/// Returns the size of a page for clients that give none, as before there were
/// pages.
fn default_limit() -> u32 {
    500
}

/// Query parameters that select audit records.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
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
pub(super) async fn page(
    State(office): State<Arc<AdminState>>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Vec<AuditRecord>>> {
    if let Some(after) = &wanted.after
        && parse_cursor(after).is_none()
    {
        return Err(ApiError::bad_request("after is no cursor of a record"));
    }
    if wanted.limit == 0 || wanted.limit > MOST {
        return Err(ApiError::bad_request(format!("limit is not 1 to {MOST}")));
    }
    let page = AuditPage {
        since: wanted.since,
        until: wanted.until.unwrap_or(i64::MAX),
        after: wanted.after,
        limit: wanted.limit,
    };
    Ok(Json(office.control.audited(&page).await?))
}
