//! Pages of lists, as clients ask for them.

use serde::Deserialize;

use super::error::{ApiError, Result};
use crate::rollout::control::pages::{Cursor, MOST, Page};

/// The page that a client wants.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    /// The time before which its records were written, in milliseconds since
    /// 1970.
    before: Option<i64>,
    /// The cursor of the last record of the page before.
    after: Option<String>,
    limit: Option<u32>,
}

impl Wanted {
    /// Returns the page; one whose size is not given has `usual` records.
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
