//! Saying once, and not at each request, that a server refuses for now.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::refusals::RecentlyNamed;

/// The refusals of one server that the log has named of late.
pub(super) struct Warnings {
    url: String,
    named: Mutex<RecentlyNamed<u16>>,
}

impl Warnings {
    /// Nothing was named yet. Logs call the server `url`.
    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            named: Mutex::default(),
        }
    }

    /// Logs that the server refuses with this error number, unless the log says
    /// so already.
    pub(super) fn warn(&self, number: u16, error: &sqlx::Error) {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if named.is_news(number, Instant::now()) {
            let url = &self.url;
            tracing::warn!(url, number, %error, "a database refuses for now: requests get 503");
        }
    }
}
