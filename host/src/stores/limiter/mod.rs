//! Rate limits: GCRA, counted in Redis for all nodes together, or by each node
//! on its own where there is no Redis.

mod local;
mod policy;
mod redis;

use std::time::Duration;

use ::redis::RedisError;
use sha2::{Digest, Sha256};

pub use policy::{Policy, PolicyError, Verdict};

use self::local::Local;
use self::redis::Shared;
use crate::stores::breaker::Circuit;
use crate::stores::redis::UrlError;

/// What to do while Redis does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// Allow: for what does no harm.
    Open,
    /// Count on this node alone: for logins, payments and all that changes
    /// something.
    Local,
}

/// Counts requests against policies.
pub struct Limiter {
    /// Whether everything passes.
    off: bool,
    shared: Option<Shared>,
    local: Local,
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
        }
    }

    /// A limiter that all nodes with the same Redis and prefix share. Must be
    /// called within a tokio runtime.
    ///
    /// # Errors
    /// When a URL is malformed.
    pub fn redis(urls: &str, prefix: &str) -> Result<Self, UrlError> {
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
        let place = place(policy, key);
        if let Some(shared) = &self.shared {
            match shared.check(policy, &place, cost).await {
                Some(verdict) => return verdict,
                None if on_failure == OnFailure::Open => return Verdict::uncounted(policy),
                None => {}
            }
        }
        self.local.check(policy, place, cost)
    }

    /// Whether the Redis that nodes count in together answers; nothing where
    /// each counts alone.
    #[must_use]
    pub fn ping(&self) -> Option<impl Future<Output = Result<(), RedisError>>> {
        self.shared.as_ref().map(Shared::ping)
    }

    /// Whether that Redis is left alone, since it does not answer; nothing
    /// where there is none.
    #[must_use]
    pub fn circuit(&self) -> Option<Circuit> {
        self.shared.as_ref().map(Shared::circuit)
    }

    /// Count on this node alone, whether there is Redis or not.
    #[must_use]
    pub fn check_here(&self, policy: &Policy, key: &str, cost: u32) -> Verdict {
        if self.off {
            return Verdict::uncounted(policy);
        }
        self.local.check(policy, place(policy, key), cost)
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

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
