//! Counters of the shop's ports: requests and connections in flight, and requests that the host
//! refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use strum::VariantArray as _;

use super::{RefusalReason, RouteStats};

/// Counters of the shop's ports.
#[derive(Debug, Default)]
pub struct Traffic {
    active: AtomicU64,
    connections: AtomicU64,
    accept_failures: AtomicU64,
    refused: [AtomicU64; RefusalReason::VARIANTS.len()],
    unrouted: RouteStats,
}

impl Traffic {
    /// Returns the requests that are being answered.
    #[must_use]
    pub fn active(&self) -> u64 {
        self.active.load(Relaxed)
    }

    /// Returns the open connections.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Relaxed)
    }

    /// Returns the attempts to accept a connection that failed.
    #[must_use]
    pub fn accept_failures(&self) -> u64 {
        self.accept_failures.load(Relaxed)
    }

    /// Counts an attempt to accept a connection that failed.
    pub fn count_accept_failure(&self) {
        self.accept_failures.fetch_add(1, Relaxed);
    }

    /// Returns the requests that the host refused, by reason.
    pub fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.refused.iter().map(|count| count.load(Relaxed));
        let reasons = RefusalReason::VARIANTS.iter().copied();
        reasons.map(RefusalReason::name).zip(counts)
    }

    /// Returns the counts of requests without a route.
    #[must_use]
    pub fn unrouted(&self) -> &RouteStats {
        &self.unrouted
    }

    /// Counts a request as being answered until the guard is dropped.
    #[must_use]
    pub fn begin(&self) -> UnderWay<'_> {
        self.active.fetch_add(1, Relaxed);
        UnderWay(&self.active)
    }

    /// Counts a connection as open until the guard is dropped.
    #[must_use]
    pub fn open(self: &Arc<Self>) -> Open {
        self.connections.fetch_add(1, Relaxed);
        Open(self.clone())
    }

    /// Counts a request that the host refused, by reason.
    pub fn count_refusal(&self, reason: RefusalReason) {
        let mut known = RefusalReason::VARIANTS.iter().zip(&self.refused);
        if let Some((_, count)) = known.find(|(one, _)| **one == reason) {
            count.fetch_add(1, Relaxed);
        }
    }
}

/// Guard of a request that is being answered.
pub struct UnderWay<'a>(&'a AtomicU64);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Guard of an open connection.
pub struct Open(Arc<Traffic>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn guards_and_reasons_count() {
        let traffic = Arc::new(Traffic::default());
        let (request, connection) = (traffic.begin(), traffic.open());
        assert_eq!((traffic.active(), traffic.connections()), (1, 1));
        drop((request, connection));
        assert_eq!((traffic.active(), traffic.connections()), (0, 0));
        for status in [429, 429, 418, 503] {
            let status = StatusCode::from_u16(status).expect("a status");
            traffic.count_refusal(RefusalReason::of_status(status));
        }
        let counted: Vec<_> = traffic.refused().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [("rate_limit", 2), ("other", 2)]);
    }
}
