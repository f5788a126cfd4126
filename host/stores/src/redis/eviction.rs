//! Check of a Redis when the node starts: whether it evicts keys, which loses carts and resets
//! limits, and whether it is a Sentinel, which stores nothing.

use std::time::Duration;

use redis::RedisResult;

use super::errors::is_no_answer;
use super::{Redis, Timeouts};
use crate::source::Source;

/// Pause before a Redis that does not answer is asked again.
const AGAIN: Duration = Duration::from_secs(10);

const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(1),
    response: Duration::from_secs(1),
    failures: 5,
};

impl Redis {
    /// Returns the policy by which Redis evicts keys when its memory is full; `None` if it refuses
    /// changes instead, or has no memory limit.
    ///
    /// # Errors
    /// As [`query`](Self::query), and when the user is not allowed to run `INFO`.
    pub async fn eviction(&self) -> RedisResult<Option<String>> {
        let mut info = redis::cmd("INFO");
        info.arg("memory");
        for slot in self.primaries().await? {
            let text: String = self.query_at(slot, &info).await?;
            if let Some(policy) = policy(&text) {
                return Ok(Some(policy));
            }
        }
        Ok(None)
    }

    /// Returns whether a Sentinel answers instead of a server.
    async fn is_sentinel(&self) -> RedisResult<bool> {
        let mut info = redis::cmd("INFO");
        info.arg("server");
        let text: String = self.query_at(0, &info).await?;
        Ok(text.lines().any(|line| line.trim() == SENTINEL))
    }
}

/// Line of `INFO server` that a Sentinel has.
const SENTINEL: &str = "redis_mode:sentinel";

/// Returns the eviction policy in the reply to `INFO memory`.
fn policy(info: &str) -> Option<String> {
    let value = |name: &str| info.lines().find_map(|line| line.strip_prefix(name));
    let policy = value("maxmemory_policy:")?.trim();
    let is_bounded = value("maxmemory:").is_none_or(|bytes| bytes.trim() != "0");
    (is_bounded && policy != "noeviction").then(|| policy.to_owned())
}

/// Warns in the log if Redis at `urls` evicts keys or is a Sentinel, as soon as it answers. Ends
/// with the runtime, or once Redis has answered.
pub async fn warn_of_eviction(urls: Source) {
    // Faults of the URLs are reported where the stores are opened.
    let Ok(redis) = Redis::open(urls, "Redis (settings)", TIMEOUTS) else {
        return;
    };
    loop {
        if let Ok(true) = redis.is_sentinel().await {
            tracing::error!(
                "redis_url leads to a Sentinel, which is not supported, and keeps no carts: name \
                 the primary, by a proxy or a DNS name that follows it"
            );
            return;
        }
        match redis.eviction().await {
            Ok(None) => return,
            Ok(Some(policy)) => {
                tracing::warn!(
                    policy,
                    "Redis drops keys when its memory is full: carts and rate limits get lost; \
                     set maxmemory-policy to noeviction"
                );
                return;
            }
            Err(error) if is_no_answer(&error) => tokio::time::sleep(AGAIN).await,
            Err(error) => {
                tracing::info!(%error, "Redis does not say whether it drops keys");
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::policy;

    #[test]
    fn a_policy_counts_where_memory_is_bounded() {
        let info = |bytes, policy| {
            format!("# Memory\r\nmaxmemory:{bytes}\r\nmaxmemory_policy:{policy}\r\n")
        };
        assert_eq!(
            policy(&info(100, "allkeys-lru")).as_deref(),
            Some("allkeys-lru")
        );
        assert_eq!(
            policy(&info(100, "volatile-ttl")).as_deref(),
            Some("volatile-ttl")
        );
        assert_eq!(policy(&info(100, "noeviction")), None);
        assert_eq!(policy(&info(0, "allkeys-lru")), None);
        assert_eq!(policy(""), None);
    }
}
