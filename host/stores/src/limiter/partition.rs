//! Bounded counters of one policy.
//!
//! A counter is in use until a certain time, and can be dropped afterwards without effect. So a
//! client that invents keys only displaces counters that are no longer in use. If all counters of a
//! policy are in use, the one that ends soonest is evicted; keys at their limit end last.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard};

use super::Place;

use crate::lock::lock;

/// Locks among which the counters are divided.
const SHARDS: usize = 64;

/// Most counters under one lock: 16,384 for a whole policy, of about 40 bytes each.
const MOST_IN_SHARD: usize = 256;

/// Time up to which each key's use reaches, in microseconds of some clock.
type Shard = HashMap<Place, u64>;

/// Counters of one policy.
pub(super) struct Partition {
    shards: [Mutex<Shard>; SHARDS],
    /// Secret of the hash that assigns keys to shards, so that clients cannot tell which keys share
    /// one.
    secret: RandomState,
}

impl Partition {
    pub(super) fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            secret: RandomState::new(),
        }
    }

    /// Lets `change` replace the counter of a key, 0 for a new one, at the time `now`, or leave it
    /// unchanged.
    pub(super) fn update<T>(
        &self,
        place: Place,
        now: u64,
        change: impl FnOnce(u64) -> (Option<u64>, T),
    ) -> T {
        let mut shard = self.shard(&place);
        let before = shard.get(&place).copied();
        let (after, outcome) = change(before.unwrap_or(0));
        if let Some(after) = after {
            if before.is_none() {
                make_room(&mut shard, now);
            }
            shard.insert(place, after);
        }
        outcome
    }

    /// Returns whether any counter is in use at the time `now`.
    pub(super) fn is_in_use(&self, now: u64) -> bool {
        let counts = |shard: &Mutex<Shard>| lock(shard).values().any(|reached| *reached > now);
        self.shards.iter().any(counts)
    }

    fn shard(&self, place: &Place) -> MutexGuard<'_, Shard> {
        let hash = self.secret.hash_one(place);
        let number = usize::try_from(hash % SHARDS as u64).unwrap_or_default();
        let [first, ..] = &self.shards;
        lock(self.shards.get(number).unwrap_or(first))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }
}

/// Drops counters that are no longer in use from a full shard, or else the counter that ends
/// soonest.
fn make_room(shard: &mut Shard, now: u64) {
    if shard.len() < MOST_IN_SHARD {
        return;
    }
    shard.retain(|_, reached| *reached > now);
    if shard.len() < MOST_IN_SHARD {
        return;
    }
    let soonest = shard.iter().min_by_key(|(_, reached)| **reached);
    if let Some(place) = soonest.map(|(place, _)| *place) {
        shard.remove(&place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: usize = SHARDS * MOST_IN_SHARD;

    fn place(number: usize) -> Place {
        (number as u128).to_be_bytes()
    }

    /// Adds counters for `keys` that all reach to the time `reached`.
    fn fill(partition: &Partition, keys: std::ops::Range<usize>, now: u64, reached: u64) {
        for number in keys {
            partition.update(place(number), now, |_| (Some(reached), ()));
        }
    }

    fn reached(partition: &Partition, number: usize) -> u64 {
        partition.update(place(number), 0, |reached| (None, reached))
    }

    #[test]
    fn there_are_only_so_many_counters() {
        let partition = Partition::new();
        fill(&partition, 0..ALL * 2, 0, 1);
        assert!(partition.len() <= ALL);
        assert!(partition.is_in_use(0));
        assert!(!partition.is_in_use(1));
    }

    #[test]
    fn what_is_only_looked_at_is_not_kept() {
        let partition = Partition::new();
        assert_eq!(reached(&partition, 7), 0);
        assert_eq!(partition.len(), 0);
    }

    #[test]
    fn what_counts_is_never_displaced_by_what_does_not() {
        let partition = Partition::new();
        // As many keys as there are counters, if hashed evenly; a quarter of them is in use.
        let kept = 0..ALL / 4;
        fill(&partition, kept.clone(), 0, 100);
        for round in 1..5 {
            fill(
                &partition,
                round * ALL..(round + 1) * ALL,
                10 * round as u64,
                10 * round as u64 + 1,
            );
        }
        for number in kept {
            assert_eq!(reached(&partition, number), 100, "{number}");
        }
    }

    #[test]
    fn what_ends_soonest_makes_way() {
        let partition = Partition::new();
        partition.update(place(0), 0, |_| (Some(100), ()));
        fill(&partition, 1..ALL * 3, 0, 99);
        assert_eq!(reached(&partition, 0), 100);
    }
}
