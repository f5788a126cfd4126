//! Query parameters of lists that are returned in pages.

use serde::Deserialize;

use super::error::{ApiError, Result};
use crate::rollout::control::pages::{Cursor, MOST, Page};

/// Page that a client asks for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct PageQuery {
    /// Time before which the records were written, in milliseconds since 1970.
    before: Option<i64>,
    /// Cursor of the last record of the previous page.
    after: Option<String>,
    limit: Option<u32>,
}

impl PageQuery {
    /// Returns the page, which has `usual` records if no size is given. Fails
    /// if the size or the cursor is invalid.
    pub(super) fn page(&self, usual: u32) -> Result<Page> {
        let limit = self.limit.unwrap_or(usual);
        if limit == 0 || limit > MOST {
            return Err(ApiError::bad_request(format!("limit is not 1 to {MOST}")));
        }
        let after = self.after.as_deref().map(str::parse::<Cursor>).transpose();
        Ok(Page {
            before: self.before.unwrap_or(i64::MAX),
            after: after.map_err(|error| ApiError::bad_request(format!("after {error}")))?,
            limit,
        })
    }
}
