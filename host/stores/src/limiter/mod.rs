//! Rate limits by GCRA, counted in Redis for all nodes together, or by each node on its own without
//! Redis.

mod body_field;
mod local;
mod partition;
mod redis;
mod verdict;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ::redis::RedisError;
use sha2::{Digest, Sha256};

pub use body_field::body_field;
pub use bundle::rate_limit::{Policy, PolicyError};
pub use verdict::Verdict;

use self::local::Local;
use self::redis::Shared;
use crate::breaker::StoreHealth;
use crate::redis::UrlError;
use crate::source::Source;
use crate::sql::Connections;

/// Action of a limit while Redis does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// Requests are allowed uncounted: for those that do no harm.
    Open,
    /// Requests are counted on this node alone: for logins, payments and all other changes.
    Local,
}

/// Counts of a limiter's decisions.
#[derive(Debug, Default)]
pub struct Decisions {
    allowed: AtomicU64,
    refused: AtomicU64,
    uncounted: AtomicU64,
    alone: AtomicU64,
}

impl Decisions {
    /// Returns the requests that were allowed, and those that were refused.
    #[must_use]
    pub fn verdicts(&self) -> [(&'static str, u64); 2] {
        [
            ("allowed", self.allowed.load(Relaxed)),
            ("refused", self.refused.load(Relaxed)),
        ]
    }

    /// Returns the requests while Redis did not answer: allowed uncounted, and counted by this node
    /// alone.
    #[must_use]
    pub fn fallbacks(&self) -> [(&'static str, u64); 2] {
        [
            ("open", self.uncounted.load(Relaxed)),
            ("local", self.alone.load(Relaxed)),
        ]
    }

    fn count(&self, verdict: Verdict) -> Verdict {
        let count = match verdict.allowed {
            true => &self.allowed,
            false => &self.refused,
        };
        count.fetch_add(1, Relaxed);
        verdict
    }
}

/// Rate limiter that counts requests against policies.
pub struct Limiter {
    /// True if all requests are allowed uncounted.
    off: bool,
    shared: Option<Shared>,
    local: Local,
    decisions: Decisions,
}

impl Limiter {
    /// Returns a limiter that allows everything, for load tests.
    #[must_use]
    pub fn off() -> Self {
        Self {
            off: true,
            ..Self::local()
        }
    }

    /// Returns a limiter that counts on this node alone.
    #[must_use]
    pub fn local() -> Self {
        Self {
            off: false,
            shared: None,
            local: Local::new(),
            decisions: Decisions::default(),
        }
    }

    /// Returns a limiter that all nodes with the same Redis and prefix share. Must be called within
    /// a tokio runtime.
    ///
    /// # Errors
    /// When a URL is malformed.
    pub fn redis(urls: impl Into<Source>, prefix: &str) -> Result<Self, UrlError> {
        Ok(Self {
            shared: Some(Shared::open(urls, prefix)?),
            ..Self::local()
        })
    }

    /// Counts `cost` for `key` under `policy`, unless the limit would be exceeded; a refused
    /// request is not counted. A cost of 0 only checks whether 1 would be allowed.
    ///
    /// The key may be any text, and is counted apart for each policy.
    pub async fn check(
        &self,
        policy: &Policy,
        key: &str,
        cost: u32,
        on_failure: OnFailure,
    ) -> Verdict {
        if self.off {
            return Verdict::uncounted(policy);
        }
        let verdict = self.count(policy, key, cost, on_failure).await;
        self.decisions.count(verdict)
    }

    async fn count(&self, policy: &Policy, key: &str, cost: u32, on_failure: OnFailure) -> Verdict {
        let place = place(policy, key);
        if let Some(shared) = &self.shared {
            if let Some(verdict) = shared.check(policy, &place, cost).await {
                return verdict;
            }
            if on_failure == OnFailure::Open {
                self.decisions.uncounted.fetch_add(1, Relaxed);
                return Verdict::uncounted(policy);
            }
            self.decisions.alone.fetch_add(1, Relaxed);
        }
        self.local.check(policy, place, cost)
    }

    /// Returns the counts of decisions. A limiter that is off counts none.
    #[must_use]
    pub fn decisions(&self) -> &Decisions {
        &self.decisions
    }

    /// Checks that the Redis that nodes share answers; `None` without Redis.
    #[must_use]
    pub fn ping(&self) -> Option<impl Future<Output = Result<(), RedisError>>> {
        self.shared.as_ref().map(Shared::ping)
    }

    /// Returns the connections to the Redis that nodes share; `None` without Redis.
    #[must_use]
    pub fn connections(&self) -> Option<Connections> {
        self.shared.as_ref().map(Shared::connections)
    }

    /// Returns the policy by which that Redis evicts keys when its memory is full; `None` if it
    /// evicts none, does not tell, or is not used.
    pub async fn eviction(&self) -> Option<String> {
        self.shared.as_ref()?.eviction().await
    }

    /// Returns the health of the Redis that nodes share; `None` without Redis.
    #[must_use]
    pub fn health(&self) -> Option<StoreHealth> {
        self.shared.as_ref().map(Shared::health)
    }

    /// Returns the reason for which the Redis that nodes share refuses changes, while it does.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        self.shared.as_ref().and_then(Shared::refusal)
    }

    /// Counts on this node alone, with or without Redis.
    #[must_use]
    pub fn check_here(&self, policy: &Policy, key: &str, cost: u32) -> Verdict {
        if self.off {
            return Verdict::uncounted(policy);
        }
        let verdict = self.local.check(policy, place(policy, key), cost);
        self.decisions.count(verdict)
    }
}

/// Hash of policy and key, under which a key is counted: of fixed length, whatever a client has put
/// into the key.
type Place = [u8; 16];

fn place(policy: &Policy, key: &str) -> Place {
    let mut digest = Sha256::new();
    digest.update(policy.id());
    // No policy's id has a zero byte, so no two pairs make the same text.
    digest.update([0]);
    digest.update(key);
    let digest: [u8; 32] = digest.finalize().into();
    let mut place = Place::default();
    place.copy_from_slice(digest.split_at(size_of::<Place>()).0);
    place
}
