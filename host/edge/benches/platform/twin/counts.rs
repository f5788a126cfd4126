//! Counts for lists, kept for a moment, as the host keeps them for plugins where it cannot follow
//! changes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Factor from the time that a count took to the time for which it is kept.
const COST_FACTOR: u32 = 50;

/// The longest that a count is kept.
const MAX_AGE: Duration = Duration::from_secs(2);

/// A statement that counts, and the id that it takes, if it takes one.
pub(super) type Key = (&'static str, Option<i64>);

/// The counts that are kept.
#[derive(Debug, Default)]
pub(super) struct Counts(BTreeMap<Key, Kept>);

#[derive(Debug)]
struct Kept {
    count: i64,
    until: Instant,
}

impl Counts {
    /// Returns the count, if it is still good.
    pub(super) fn kept(&self, key: Key, now: Instant) -> Option<i64> {
        let kept = self.0.get(&key).filter(|kept| now < kept.until);
        kept.map(|kept| kept.count)
    }

    /// Keeps a count that was taken between two instants.
    pub(super) fn keep(&mut self, key: Key, count: i64, start: Instant, end: Instant) {
        let until = end + (end.saturating_duration_since(start) * COST_FACTOR).min(MAX_AGE);
        self.0.insert(key, Kept { count, until });
    }
}
