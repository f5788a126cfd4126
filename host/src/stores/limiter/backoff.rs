//! Leaving alone for a while what has just failed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The mark that nothing is wrong.
const WELL: u64 = 0;

/// After a failure, lets one caller try for each pause, until one succeeds.
pub(super) struct BackOff {
    pause: u64,
    began: Instant,
    /// When the next may try, in milliseconds since `began`; [`WELL`] while all
    /// may.
    next: AtomicU64,
}

impl BackOff {
    pub(super) fn new(pause: Duration) -> Self {
        Self {
            pause: u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
            began: Instant::now(),
            next: AtomicU64::new(WELL),
        }
    }

    /// Whether this caller may try.
    pub(super) fn may_try(&self) -> bool {
        self.may_try_at(self.now())
    }

    /// Say that a try failed. Returns whether that is news.
    pub(super) fn failed(&self) -> bool {
        self.next
            .swap(self.after_pause(self.now()), Ordering::AcqRel)
            == WELL
    }

    /// Say that a try succeeded. Returns whether that is news.
    pub(super) fn succeeded(&self) -> bool {
        self.next.load(Ordering::Acquire) != WELL && self.next.swap(WELL, Ordering::AcqRel) != WELL
    }

    /// The one who may moves the time for all others.
    fn may_try_at(&self, now: u64) -> bool {
        let next = self.next.load(Ordering::Acquire);
        if next == WELL {
            return true;
        }
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        let later = self.after_pause(now);
        next <= now
            && self
                .next
                .compare_exchange(next, later, success, failure)
                .is_ok()
    }

    fn after_pause(&self, now: u64) -> u64 {
        now.saturating_add(self.pause).max(WELL + 1)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_failure_one_tries_for_each_pause() {
        let back_off = BackOff::new(Duration::from_secs(100));
        assert!(back_off.may_try() && back_off.may_try());
        assert!(back_off.failed(), "news");
        assert!(!back_off.failed(), "no news");
        assert!(!back_off.may_try());
        let later = 150_000;
        assert!(back_off.may_try_at(later));
        assert!(!back_off.may_try_at(later), "one of them is enough");
        assert!(back_off.succeeded(), "news");
        assert!(!back_off.succeeded(), "no news");
        assert!(back_off.may_try());
    }
}
