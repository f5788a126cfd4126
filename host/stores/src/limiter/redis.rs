//! Rate limits counted in Redis, for all nodes together.

use std::sync::LazyLock;
use std::time::Duration;

use redis::RedisResult;

use super::{Place, Policy, Verdict};
use crate::breaker::StoreHealth;
use crate::redis::{Redis, Script, Timeouts, UrlError};
use crate::source::Source;
use crate::sql::Connections;

/// Time limits for Redis, short since every request waits for it.
const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_millis(250),
    response: Duration::from_millis(250),
    failures: 1,
};

/// Arguments: `KEYS[1]`, the time up to which the key's use reaches; the rise of the level by one
/// check, the rise by one of cost at least 1, and the capacity, in microseconds of Redis's own
/// clock, which all nodes share. Returns whether the check passes, and the level afterwards.
static CHECK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local rise, wanted, capacity = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local level = tonumber(redis.call('GET', KEYS[1]) or now) - now
if level < 0 then level = 0 end
if level + wanted > capacity then return {0, level} end
if rise > 0 then
  level = level + rise
  redis.call('SET', KEYS[1], string.format('%.0f', now + level), 'PX', math.ceil(level / 1000))
end
return {1, level}",
    )
});

/// Counters in Redis.
pub(super) struct Shared {
    redis: Redis,
    prefix: String,
}

impl Shared {
    pub(super) fn open(urls: impl Into<Source>, prefix: &str) -> Result<Self, UrlError> {
        Ok(Self {
            redis: Redis::open(urls, "Redis (rate limits)", TIMEOUTS)?,
            prefix: prefix.to_owned(),
        })
    }

    pub(super) fn connections(&self) -> Connections {
        self.redis.connections()
    }

    pub(super) fn health(&self) -> StoreHealth {
        self.redis.health()
    }

    /// Returns the reason for which Redis refuses changes, while it does.
    pub(super) fn refusal(&self) -> Option<String> {
        self.redis.refusal()
    }

    /// Checks that Redis answers.
    pub(super) async fn ping(&self) -> RedisResult<()> {
        self.redis.ping().await
    }

    /// Returns the policy by which Redis evicts keys; see [`Redis::eviction`].
    pub(super) async fn eviction(&self) -> Option<String> {
        self.redis.eviction().await.ok().flatten()
    }

    /// Counts `cost`; `None` if Redis failed, or its breaker is open.
    pub(super) async fn check(&self, policy: &Policy, place: &Place, cost: u32) -> Option<Verdict> {
        let key = format!("{}:limit:{}", self.prefix, hex::encode(place));
        let script = CHECK
            .on(key)
            .arg(policy.rise(cost))
            .arg(policy.rise(cost.max(1)))
            .arg(policy.capacity());
        match self.redis.run_script::<(bool, u64)>(&script).await {
            Ok((allowed, level)) => Some(Verdict::new(policy, allowed, level, cost)),
            Err(error) => {
                tracing::debug!(%error, "this node counts alone");
                None
            }
        }
    }
}
