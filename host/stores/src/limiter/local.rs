//! Rate limits counted in this process.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;

use super::partition::Partition;
use super::verdict::microseconds;
use super::{Place, Policy, Verdict};

/// Counters by the id of their policy, so that keys of one policy, and so of one plugin, never
/// displace those of another. Policies are in manifests, so they are few, and clients cannot add
/// any.
type Partitions = HashMap<String, Arc<Partition>>;

/// Counters of keys in this process.
pub(super) struct Local {
    partitions: ArcSwap<Partitions>,
    began: Instant,
}

impl Local {
    pub(super) fn new() -> Self {
        Self {
            partitions: ArcSwap::default(),
            began: Instant::now(),
        }
    }

    pub(super) fn check(&self, policy: &Policy, place: Place, cost: u32) -> Verdict {
        self.check_at(policy, place, cost, microseconds(self.began.elapsed()))
    }

    fn check_at(&self, policy: &Policy, place: Place, cost: u32, now: u64) -> Verdict {
        let known = self.partitions.load().get(policy.id()).cloned();
        let partition = known.unwrap_or_else(|| self.begin(policy.id(), now));
        partition.update(place, now, |reached| {
            let level = reached.saturating_sub(now);
            if !policy.allows(level, cost) {
                return (None, Verdict::new(policy, false, level, cost));
            }
            let level = level.saturating_add(policy.rise(cost));
            let reached = (cost > 0).then(|| now.saturating_add(level));
            (reached, Verdict::new(policy, true, level, cost))
        })
    }

    /// Adds the counters of a new policy. Those of policies without a counter in use, such as of a
    /// removed plugin, are dropped.
    fn begin(&self, id: &str, now: u64) -> Arc<Partition> {
        let new = Arc::new(Partition::new());
        let before = self.partitions.rcu(|partitions| {
            let mut partitions: Partitions = partitions.as_ref().clone();
            partitions.retain(|known, partition| known == id || partition.is_in_use(now));
            partitions
                .entry(id.to_owned())
                .or_insert_with(|| new.clone());
            partitions
        });
        // Another thread may have added it meanwhile.
        before.get(id).cloned().unwrap_or(new)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::*;

    const KEY: Place = [7; 16];
    const SECOND: u64 = 1_000_000;

    /// Returns a policy of 60 a minute, one each second, with `burst`.
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
    fn what_is_at_its_limit_stays_there_whatever_keys_are_invented() {
        let (local, own) = (Local::new(), policy(3));
        let other = Policy::new("b", 60, Duration::from_secs(60), 3).expect("sound");
        assert!(local.check_at(&own, KEY, 3, 0).allowed);
        for number in 0..200_000_u128 {
            local.check_at(&own, number.to_be_bytes(), 1, 0);
            local.check_at(&other, number.to_be_bytes(), 1, 0);
        }
        assert!(!local.check_at(&own, KEY, 1, 0).allowed);
    }

    #[test]
    fn policies_that_count_nothing_are_forgotten() {
        let local = Local::new();
        for number in 0..100 {
            let policy = Policy::new(number.to_string(), 60, Duration::from_secs(60), 3);
            let now = number * 10 * SECOND;
            assert!(local.check_at(&policy.expect("sound"), KEY, 3, now).allowed);
        }
        assert_eq!(local.partitions.load().len(), 1);
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
