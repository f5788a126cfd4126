//! Rate limits that only the plugin can decide to count. What can be told from
//! a request alone, the manifest says and the host enforces.

use super::error;
use crate::Failure;
use crate::bindings::edge::platform::rate_limit as host;

pub use host::Verdict;

const TOO_MANY: Failure = Failure::new(429, "HTTP_429", "Too many requests. Please slow down.");

/// Why the host did not count.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The manifest has no such policy.
    #[error("not granted: {0}")]
    Denied(String),
    /// The request has no calls into the host left.
    #[error("too large: {0}")]
    TooLarge(String),
}

impl From<Error> for Failure {
    fn from(failed: Error) -> Self {
        error::internal("rate-limit", failed)
    }
}

/// Counts `cost` against `key` under a policy of the manifest, unless that is
/// too much. A cost of 0 only looks.
///
/// # Errors
/// A mistake of the plugin, or of its manifest.
pub fn take(policy: &str, key: &str, cost: u32) -> Result<Verdict, Error> {
    host::take(policy, key, cost).map_err(|error| match error {
        host::Error::Denied(what) => Error::Denied(what),
        host::Error::TooLarge(limit) => Error::TooLarge(limit),
    })
}

/// Returns the failure of a client over a limit: 429 with `retry-after`.
#[must_use]
pub fn too_many(verdict: &Verdict) -> Failure {
    let seconds = verdict.retry_after_ms.div_ceil(1000).max(1);
    TOO_MANY.header("retry-after", seconds.to_string())
}
