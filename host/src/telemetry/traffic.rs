//! Counts of the shop's port: what is under way, and what the host refused by
//! itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use http::StatusCode;

use super::RouteStats;

/// Why the host refuses, by the status that it does so with; all others are
/// the last.
const REASONS: [(u16, &str); 13] = [
    (400, "malformed"),
    (404, "no_route"),
    (405, "method"),
    (408, "too_slow"),
    (413, "body_too_large"),
    (414, "target_too_long"),
    (415, "encoded_body"),
    (429, "rate_limit"),
    (431, "headers_too_large"),
    (500, "plugin_failed"),
    (503, "overload"),
    (504, "plugin_too_slow"),
    (0, "other"),
];

/// What goes on at the shop's port.
#[derive(Debug, Default)]
pub struct Traffic {
    active: AtomicU64,
    connections: AtomicU64,
    refused: [AtomicU64; REASONS.len()],
    unrouted: RouteStats,
}

impl Traffic {
    /// Requests that are being answered.
    #[must_use]
    pub fn active(&self) -> u64 {
        self.active.load(Relaxed)
    }

    /// Connections that are open.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Relaxed)
    }

    /// Requests that the host refused by itself, by the reason.
    pub fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.refused.iter().map(|count| count.load(Relaxed));
        REASONS.into_iter().map(|(_, reason)| reason).zip(counts)
    }

    /// Requests that led to no route.
    #[must_use]
    pub fn unrouted(&self) -> &RouteStats {
        &self.unrouted
    }

    /// A request is answered, until the guard is dropped.
    #[must_use]
    pub fn begin(&self) -> UnderWay<'_> {
        self.active.fetch_add(1, Relaxed);
        UnderWay(&self.active)
    }

    /// A connection is open, until the guard is dropped.
    #[must_use]
    pub fn open(self: &Arc<Self>) -> Open {
        self.connections.fetch_add(1, Relaxed);
        Open(self.clone())
    }

    /// The host refused a request with this status.
    pub fn count_refusal(&self, status: StatusCode) {
        let mut known = REASONS.iter().zip(&self.refused);
        let found = known.find(|((code, _), _)| *code == status.as_u16());
        if let Some(count) = found.map(|(_, count)| count).or(self.refused.last()) {
            count.fetch_add(1, Relaxed);
        }
    }
}

/// A request that is being answered.
pub struct UnderWay<'a>(&'a AtomicU64);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// A connection that is open.
pub struct Open(Arc<Traffic>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guards_and_reasons_count() {
        let traffic = Arc::new(Traffic::default());
        let (request, connection) = (traffic.begin(), traffic.open());
        assert_eq!((traffic.active(), traffic.connections()), (1, 1));
        drop((request, connection));
        assert_eq!((traffic.active(), traffic.connections()), (0, 0));
        for status in [429, 429, 418] {
            traffic.count_refusal(StatusCode::from_u16(status).expect("a status"));
        }
        let counted: Vec<_> = traffic.refused().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [("rate_limit", 2), ("other", 1)]);
    }
}
