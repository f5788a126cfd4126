//! Counts for lists, kept for a moment.
//!
//! A database counts by reading, a page it finds by an index: at 100,000
//! products counting is nearly all that a list costs. So a count is kept, for
//! a while that grows with what it took: a small shop's is always fresh, and
//! a large one's takes a fiftieth of an instance's time at most.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use edge_sdk::sql::{self, Error};

/// Factor from the time that a count took to the time for which it is kept.
const COST_FACTOR: u32 = 50;

/// The longest that a count is kept.
const MAX_AGE: Duration = Duration::from_secs(2);

/// A statement that counts, and the id that it takes, if it takes one.
pub type Key = (&'static str, Option<i64>);

/// Returns what a statement counts, now or a moment ago.
pub(crate) fn count(text: &'static str, id: Option<i64>) -> Result<i64, Error> {
    let start = Instant::now();
    if let Some(count) = counts().kept((text, id), start) {
        return Ok(count);
    }
    let query = id.into_iter().fold(sql::query(text), sql::Query::bind);
    let count = query.fetch_one()?;
    counts().keep((text, id), count, start, Instant::now());
    Ok(count)
}

/// Counts anew from now on: something changed. Other instances notice within
/// [`MAX_AGE`].
pub(crate) fn forget() {
    *counts() = Counts::new();
}

fn counts() -> MutexGuard<'static, Counts> {
    static COUNTS: Mutex<Counts> = Mutex::new(Counts::new());
    COUNTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The counts that are kept.
#[derive(Debug, Default)]
pub struct Counts(BTreeMap<Key, Kept>);

#[derive(Debug)]
struct Kept {
    count: i64,
    until: Instant,
}

impl Counts {
    /// Makes a store without counts.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Returns the count, if it is still good.
    #[must_use]
    pub fn kept(&self, key: Key, now: Instant) -> Option<i64> {
        let kept = self.0.get(&key).filter(|kept| now < kept.until);
        kept.map(|kept| kept.count)
    }

    /// Keeps a count that was taken between two instants.
    pub fn keep(&mut self, key: Key, count: i64, start: Instant, end: Instant) {
        let until = end + (end.saturating_duration_since(start) * COST_FACTOR).min(MAX_AGE);
        // What does not exist counts nothing, and clients may ask for no end of that.
        if count > 0 {
            self.0.insert(key, Kept { count, until });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = ("SELECT COUNT(*) FROM product", None);

    /// Returns a count of `count` that took so many milliseconds, and when it
    /// was done.
    fn counted(key: Key, count: i64, milliseconds: u64) -> (Counts, Instant) {
        let start = Instant::now();
        let end = start + Duration::from_millis(milliseconds);
        let mut counts = Counts::new();
        counts.keep(key, count, start, end);
        (counts, end)
    }

    #[test]
    fn a_count_is_kept_for_fifty_times_as_long_as_it_took() {
        let (counts, end) = counted(KEY, 7, 10);
        assert_eq!(counts.kept(KEY, end), Some(7));
        assert_eq!(counts.kept(KEY, end + Duration::from_millis(499)), Some(7));
        assert_eq!(counts.kept(KEY, end + Duration::from_millis(500)), None);
    }

    #[test]
    fn no_count_is_kept_for_longer_than_the_limit() {
        let (counts, end) = counted(KEY, 7, 60_000);
        assert_eq!(counts.kept(KEY, end + MAX_AGE), None);
    }

    #[test]
    fn a_count_that_took_no_time_is_not_kept() {
        let (counts, end) = counted(KEY, 7, 0);
        assert_eq!(counts.kept(KEY, end), None);
    }

    #[test]
    fn every_id_has_a_count_of_its_own() {
        let category = |id| ("SELECT COUNT(*) FROM product_category", Some(id));
        let (mut counts, end) = counted(category(1), 7, 10);
        assert_eq!(counts.kept(category(2), end), None);
        counts.keep(category(2), 8, end, end + Duration::from_millis(10));
        assert_eq!(counts.kept(category(1), end), Some(7));
        assert_eq!(counts.kept(category(2), end), Some(8));
    }

    #[test]
    fn nothing_is_not_kept() {
        let (counts, end) = counted(KEY, 0, 10);
        assert_eq!(counts.kept(KEY, end), None);
    }
}
