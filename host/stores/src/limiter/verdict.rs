//! Result of a check of a rate limit.

use std::time::Duration;

use bundle::rate_limit::Policy;

/// Result of a check of a rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// True if the request is allowed, and has been counted.
    pub allowed: bool,
    /// Further requests that would be allowed right now.
    pub remaining: u32,
    /// Time until the whole burst would be allowed again.
    pub reset: Duration,
    /// Time until an equal request would be allowed; zero if it would be now.
    pub retry_after: Duration,
}

impl Verdict {
    /// Returns the verdict on `cost`, after which the level is `level`.
    pub(super) fn new(policy: &Policy, allowed: bool, level: u64, cost: u32) -> Self {
        let room = policy.capacity().saturating_sub(level);
        let wanted = policy.rise(cost.max(1));
        let wait = if allowed {
            0
        } else {
            wanted.saturating_sub(room)
        };
        Self {
            allowed,
            remaining: u32::try_from(room / policy.interval()).unwrap_or(u32::MAX),
            reset: Duration::from_micros(level),
            retry_after: Duration::from_micros(wait),
        }
    }

    /// Returns the verdict on a request that is not counted.
    pub(super) fn uncounted(policy: &Policy) -> Self {
        Self::new(policy, true, 0, 0)
    }
}

pub(super) fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_verdict_says_how_many_pass_and_when() {
        let policy = Policy::new("a", 60, MINUTE, 10).expect("sound");
        let seconds = |seconds: u64| seconds * 1_000_000;
        let one_left = Verdict::new(&policy, true, seconds(9), 1);
        assert_eq!(
            (one_left.remaining, one_left.retry_after),
            (1, Duration::ZERO)
        );
        assert_eq!(one_left.reset, Duration::from_secs(9));
        let full = Verdict::new(&policy, false, seconds(10), 3);
        assert_eq!(
            (full.remaining, full.retry_after),
            (0, Duration::from_secs(3))
        );
        assert!(policy.allows(seconds(9), 1) && !policy.allows(seconds(9), 2));
        assert!(policy.allows(seconds(9), 0) && !policy.allows(seconds(10), 0));
    }
}
