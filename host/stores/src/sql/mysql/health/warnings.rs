//! Logs temporary refusals of a server once instead of at each request.

use std::sync::Mutex;
use std::time::Instant;

use crate::lock::lock;
use crate::refusals::RecentlyNamed;

/// Error numbers of one server that were logged recently.
pub(super) struct Warnings {
    url: String,
    named: Mutex<RecentlyNamed<u16>>,
}

impl Warnings {
    /// Returns an empty record for the server that logs call `url`.
    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            named: Mutex::default(),
        }
    }

    /// Logs that the server refuses with this error number, unless that was
    /// logged recently.
    pub(super) fn warn(&self, number: u16, error: &sqlx::Error) {
        let mut named = lock(&self.named);
        if named.is_news(number, Instant::now()) {
            let url = &self.url;
            tracing::warn!(url, number, %error, "a database refuses for now: requests get 503");
        }
    }
}
