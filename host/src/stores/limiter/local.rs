//! Counting in this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use quick_cache::sync::Cache;

use super::policy::microseconds;
use super::{Place, Policy, Verdict};

/// Most keys that are counted at once, about 100 bytes each. Past that, the
/// keys that are seldom asked for are forgotten: somebody who invents keys
/// takes no more memory than this, and displaces least those in use.
const MOST_KEYS: usize = 100_000;

/// Counts keys in this process.
pub(super) struct Local {
    /// Until when the use of each key reaches, in microseconds since `began`.
    reached: Cache<Place, Arc<AtomicU64>>,
    began: Instant,
}

impl Local {
    pub(super) fn new() -> Self {
        Self {
            reached: Cache::new(MOST_KEYS),
            began: Instant::now(),
        }
    }

    pub(super) fn check(&self, policy: &Policy, place: Place, cost: u32) -> Verdict {
        self.check_at(policy, place, cost, microseconds(self.began.elapsed()))
    }

    fn check_at(&self, policy: &Policy, place: Place, cost: u32, now: u64) -> Verdict {
        let made = self
            .reached
            .get_or_insert_with(&place, || Ok::<_, std::convert::Infallible>(Arc::default()));
        let Ok(reached) = made;
        let mut before = reached.load(Ordering::Acquire);
        loop {
            let level = before.saturating_sub(now);
            if !policy.allows(level, cost) {
                return Verdict::new(policy, false, level, cost);
            }
            let level = level.saturating_add(policy.rise(cost));
            let after = now.saturating_add(level);
            let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
            match reached.compare_exchange_weak(before, after, success, failure) {
                Ok(_) => return Verdict::new(policy, true, level, cost),
                Err(newer) => before = newer,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const KEY: Place = [7; 16];
    const SECOND: u64 = 1_000_000;

    /// 60 a minute: one each second, and `burst` at once.
    fn policy(burst: u32) -> Policy {
        Policy::new("a", 60, Duration::from_secs(60), burst).expect("sound")
    }

    #[test]
    fn a_burst_passes_and_then_one_for_each_interval() {
        let (local, policy) = (Local::new(), policy(3));
        for left in [2, 1, 0] {
            let verdict = local.check_at(&policy, KEY, 1, 0);
            assert!(verdict.allowed);
            assert_eq!(verdict.remaining, left);
        }
        let refused = local.check_at(&policy, KEY, 1, 0);
        assert!(!refused.allowed);
        assert_eq!(refused.retry_after, Duration::from_secs(1));
        assert!(!local.check_at(&policy, KEY, 1, SECOND - 1).allowed);
        assert!(local.check_at(&policy, KEY, 1, SECOND).allowed);
        assert!(!local.check_at(&policy, KEY, 1, SECOND).allowed);
        assert_eq!(local.check_at(&policy, KEY, 0, 100 * SECOND).remaining, 3);
    }

    #[test]
    fn what_is_refused_counts_nothing_and_a_look_neither() {
        let (local, policy) = (Local::new(), policy(3));
        assert!(!local.check_at(&policy, KEY, 4, 0).allowed);
        assert_eq!(local.check_at(&policy, KEY, 0, 0).remaining, 3);
        assert!(local.check_at(&policy, KEY, 3, 0).allowed);
        assert!(!local.check_at(&policy, KEY, 0, 0).allowed);
    }

    #[test]
    fn inventing_keys_takes_no_more_memory() {
        let (local, policy) = (Local::new(), policy(3));
        for number in 0..MOST_KEYS as u128 * 2 {
            local.check_at(&policy, number.to_be_bytes(), 1, 0);
        }
        assert!(local.reached.len() <= MOST_KEYS);
    }

    #[test]
    fn exactly_a_burst_passes_whoever_asks_at_once() {
        let (local, policy) = (Local::new(), policy(10));
        let passed = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..25 {
                        let verdict = local.check_at(&policy, KEY, 1, 0);
                        passed.fetch_add(u64::from(verdict.allowed), Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(passed.into_inner(), 10);
    }
}
