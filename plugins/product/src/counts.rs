//! Counts for lists, kept for a moment.
//!
//! A database counts by reading, a page it finds by an index: at 100,000
//! products counting is nearly all that a list costs. So a count is kept, for
//! a while that grows with what it took: a small shop's is always fresh, and
//! a large one's takes a fiftieth of an instance's time at most.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use edge_sdk::sql::{self, Error};

/// How many times as long as it took a count is kept.
const WORTH: u32 = 50;

/// The longest that a count is kept.
const LONGEST: Duration = Duration::from_secs(2);

/// A statement, and the id it is asked with.
type Key = (&'static str, Option<i64>);

/// What a statement counts, for the id that it takes, if it takes one.
pub(crate) fn count(text: &'static str, id: Option<i64>) -> Result<i64, Error> {
    static COUNTS: Mutex<Option<Counts>> = Mutex::new(None);
    let mut counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    let counts = counts.get_or_insert_default();
    counts.get((text, id), Instant::now, || {
        let query = sql::query(text);
        id.into_iter().fold(query, sql::Query::bind).scalar()
    })
}

#[derive(Debug, Default)]
struct Counts(HashMap<Key, Kept>);

#[derive(Debug)]
struct Kept {
    count: i64,
    until: Instant,
}

impl Counts {
    fn get<E>(
        &mut self,
        key: Key,
        now: impl Fn() -> Instant,
        count: impl FnOnce() -> Result<i64, E>,
    ) -> Result<i64, E> {
        let start = now();
        if let Some(kept) = self.0.get(&key).filter(|kept| start < kept.until) {
            return Ok(kept.count);
        }
        let count = count()?;
        let end = now();
        let until = end + (end.duration_since(start) * WORTH).min(LONGEST);
        // What does not exist counts nothing; clients may ask for no end of that.
        if count > 0 {
            self.0.insert(key, Kept { count, until });
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;

    use super::*;

    const KEY: Key = ("SELECT COUNT(*) FROM product", None);

    /// A shop whose products are counted slowly or fast, on a clock of its own.
    struct Shop {
        counts: Counts,
        now: Cell<Instant>,
        asked: Cell<u32>,
    }

    impl Shop {
        fn new() -> Self {
            Self {
                counts: Counts::default(),
                now: Cell::new(Instant::now()),
                asked: Cell::new(0),
            }
        }

        fn pass(&self, milliseconds: u64) {
            self.now
                .set(self.now.get() + Duration::from_millis(milliseconds));
        }

        fn count(&mut self, key: Key, products: i64, milliseconds: u64) -> i64 {
            let mut counts = std::mem::take(&mut self.counts);
            let count = counts.get(
                key,
                || self.now.get(),
                || {
                    self.asked.set(self.asked.get() + 1);
                    self.pass(milliseconds);
                    Ok::<_, Infallible>(products)
                },
            );
            self.counts = counts;
            count.unwrap_or_else(|never| match never {})
        }
    }

    #[test]
    fn a_slow_count_is_kept_for_fifty_times_as_long() {
        let mut shop = Shop::new();
        assert_eq!(shop.count(KEY, 7, 10), 7);
        shop.pass(499);
        assert_eq!(shop.count(KEY, 8, 10), 7);
        shop.pass(1);
        assert_eq!(shop.count(KEY, 8, 10), 8);
        assert_eq!(shop.asked.get(), 2);
    }

    #[test]
    fn no_count_is_kept_for_longer_than_the_limit() {
        let mut shop = Shop::new();
        assert_eq!(shop.count(KEY, 7, 60_000), 7);
        shop.pass(2000);
        assert_eq!(shop.count(KEY, 8, 60_000), 8);
    }

    #[test]
    fn a_count_that_took_no_time_is_not_kept() {
        let mut shop = Shop::new();
        assert_eq!(shop.count(KEY, 7, 0), 7);
        assert_eq!(shop.count(KEY, 8, 0), 8);
    }

    #[test]
    fn every_id_has_its_own_count_and_nothing_is_not_kept() {
        let mut shop = Shop::new();
        let category = |id| {
            (
                "SELECT COUNT(*) FROM product_category WHERE category_id = ?",
                Some(id),
            )
        };
        assert_eq!(shop.count(category(1), 7, 10), 7);
        assert_eq!(shop.count(category(2), 0, 10), 0);
        assert_eq!(shop.count(category(2), 5, 10), 5);
        assert_eq!(shop.count(category(1), 9, 10), 7);
    }
}
