//! Counts of a route's replies by method and class of status, so that clients cannot increase the
//! number of series.

use std::sync::OnceLock;
use std::time::Duration;

use http::{Method, StatusCode};

use super::cache_counts::{CacheCounts, CacheResult};
use crate::telemetry::Timing;

/// Methods by their OpenTelemetry names; the last one stands for all others.
const METHODS: [&str; 8] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "_OTHER",
];

/// Classes of status codes.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Number and durations of a route's replies.
#[derive(Debug, Default)]
pub struct RouteStats {
    replies: [[OnceLock<Timing>; CLASSES.len()]; METHODS.len()],
    cache: CacheCounts,
}

/// Returns the name of a method in metrics and traces.
#[must_use]
pub fn method_name(method: &Method) -> &'static str {
    METHODS.get(method_index(method)).unwrap_or(&"_OTHER")
}

fn method_index(method: &Method) -> usize {
    let known = METHODS.iter().position(|name| *name == method.as_str());
    known.unwrap_or(METHODS.len() - 1)
}

impl RouteStats {
    /// Counts one reply.
    pub fn count(&self, method: &Method, status: StatusCode, took: Duration) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        let timings = self.replies.get(method_index(method));
        if let Some(timing) = timings.and_then(|timings| timings.get(class)) {
            timing.get_or_init(Timing::new).observe(took);
        }
    }

    pub(super) fn count_cache(&self, result: CacheResult) {
        self.cache.count(result);
    }

    /// Returns what the reply cache did for the route's requests.
    pub fn cache(&self) -> &CacheCounts {
        &self.cache
    }

    /// Returns method, class of status and durations of every combination with a reply.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &'static str, &Timing)> {
        let methods = METHODS.into_iter().zip(&self.replies);
        methods.flat_map(|(method, timings)| {
            let timings = CLASSES.into_iter().zip(timings);
            timings.filter_map(move |(class, timing)| Some((method, class, timing.get()?)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_counted_by_method_and_class() {
        let stats = RouteStats::default();
        let some = Duration::from_millis(1);
        let replies = [
            (Method::GET, 200),
            (Method::GET, 204),
            (Method::POST, 503),
            (Method::from_bytes(b"BREW").expect("a method"), 405),
        ];
        for (method, status) in &replies {
            let status = StatusCode::from_u16(*status).expect("a status");
            stats.count(method, status, some);
        }
        let counted: Vec<_> = stats
            .iter()
            .map(|(method, class, timing)| (method, class, timing.count()))
            .collect();
        let wanted = [("GET", "2xx", 2), ("POST", "5xx", 1), ("_OTHER", "4xx", 1)];
        assert_eq!(counted, wanted);
    }
}
