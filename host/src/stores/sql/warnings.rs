//! Saying once, and not at each request, that a server refuses for now.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time after which a refusal that goes on is named again.
const AGAIN: Duration = Duration::from_secs(60);

/// Numbers that are remembered: more kinds of refusals in a minute are rare.
const REMEMBERED: usize = 16;

/// The refusals of one server that the log has named of late.
pub(super) struct Warnings {
    url: String,
    named: Mutex<Vec<(u16, Instant)>>,
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
        if self.is_news(number, Instant::now()) {
            let url = &self.url;
            tracing::warn!(url, number, %error, "a database refuses for now: requests get 503");
        }
    }

    fn is_news(&self, number: u16, now: Instant) -> bool {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        named.retain(|(_, at)| now.duration_since(*at) < AGAIN);
        if named.iter().any(|(other, _)| *other == number) {
            return false;
        }
        if named.len() == REMEMBERED {
            named.remove(0);
        }
        named.push((number, now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_is_named_once_in_a_while() {
        let warnings = Warnings::new("mysql://db".to_owned());
        let now = Instant::now();
        assert!(warnings.is_news(1203, now));
        assert!(!warnings.is_news(1203, now));
        assert!(warnings.is_news(1226, now));
        assert!(warnings.is_news(1203, now + AGAIN));
        for number in 0..100 {
            assert!(warnings.is_news(number, now + AGAIN));
        }
        assert!(warnings.named.lock().expect("a lock").len() <= REMEMBERED);
    }
}
