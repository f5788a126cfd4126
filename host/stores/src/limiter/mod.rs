//! Rate limits: GCRA, counted in Redis for all nodes together, or by each node
//! on its own where there is no Redis.

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

/// What to do while Redis does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// Allow: for what does no harm.
    Open,
    /// Count on this node alone: for logins, payments and all that changes
    /// something.
    Local,
}

/// What a limiter has said so far.
#[derive(Debug, Default)]
pub struct Decisions {
    allowed: AtomicU64,
    refused: AtomicU64,
    uncounted: AtomicU64,
    alone: AtomicU64,
}

impl Decisions {
    /// Whether requests passed.
    #[must_use]
    pub fn verdicts(&self) -> [(&'static str, u64); 2] {
        [
            ("allowed", self.allowed.load(Relaxed)),
            ("refused", self.refused.load(Relaxed)),
        ]
    }

    /// What was done while Redis did not answer: let pass uncounted, or counted
    /// by this node alone.
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

/// Counts requests against policies.
pub struct Limiter {
    /// Whether everything passes.
    off: bool,
    shared: Option<Shared>,
    local: Local,
    decisions: Decisions,
}

impl Limiter {
    /// A limiter that lets everything pass, for tests under load.
    #[must_use]
    pub fn off() -> Self {
        Self {
            off: true,
            ..Self::local()
        }
    }

    /// A limiter of this node alone.
    #[must_use]
    pub fn local() -> Self {
        Self {
            off: false,
            shared: None,
            local: Local::new(),
            decisions: Decisions::default(),
        }
    }

    /// A limiter that all nodes with the same Redis and prefix share. Must be
    /// called within a tokio runtime.
    ///
    /// # Errors
    /// When a URL is malformed.
    pub fn redis(urls: impl Into<Source>, prefix: &str) -> Result<Self, UrlError> {
        Ok(Self {
            shared: Some(Shared::open(urls, prefix)?),
            ..Self::local()
        })
    }

    /// Count `cost` for `key` under `policy`, unless that is too much; what is
    /// refused counts nothing. A cost of 0 only looks whether 1 would pass.
    ///
    /// The key is any text, and whose it is only `policy` says.
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

    /// What it has said so far. Nothing is counted where everything passes.
    #[must_use]
    pub fn decisions(&self) -> &Decisions {
        &self.decisions
    }

    /// Whether the Redis that nodes count in together answers; nothing where
    /// each counts alone.
    #[must_use]
    pub fn ping(&self) -> Option<impl Future<Output = Result<(), RedisError>>> {
        self.shared.as_ref().map(Shared::ping)
    }

    /// Returns the connections to that Redis; nothing where there is none.
    #[must_use]
    pub fn connections(&self) -> Option<Connections> {
        self.shared.as_ref().map(Shared::connections)
    }

    /// Returns the policy by which that Redis drops keys when its memory is
    /// full; none where it keeps them, does not say, or is not there.
    pub async fn eviction(&self) -> Option<String> {
        self.shared.as_ref()?.eviction().await
    }

    /// How that Redis does; nothing where there is none.
    #[must_use]
    pub fn health(&self) -> Option<StoreHealth> {
        self.shared.as_ref().map(Shared::health)
    }

    /// Returns in words that the Redis that nodes count in together refuses
    /// changes, while it does.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        self.shared.as_ref().and_then(Shared::refusal)
    }

    /// Count on this node alone, whether there is Redis or not.
    #[must_use]
    pub fn check_here(&self, policy: &Policy, key: &str, cost: u32) -> Verdict {
        if self.off {
            return Verdict::uncounted(policy);
        }
        let verdict = self.local.check(policy, place(policy, key), cost);
        self.decisions.count(verdict)
    }
}

/// Where a key is counted: of one length, whatever a client put into it.
type Place = [u8; 16];

fn place(policy: &Policy, key: &str) -> Place {
    let mut digest = Sha256::new();
    digest.update(policy.id());
    // No policy's id holds one, so no two pairs are the same text.
    digest.update([0]);
    digest.update(key);
    let digest: [u8; 32] = digest.finalize().into();
    let mut place = Place::default();
    place.copy_from_slice(digest.split_at(size_of::<Place>()).0);
    place
}
