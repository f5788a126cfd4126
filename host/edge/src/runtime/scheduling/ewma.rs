//! Exponentially weighted moving average (EWMA) of a plugin's recent requests.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Divisor of each sample's weight in the average: the last 30 or so samples make up nearly all of
/// it.
const WEIGHT: u64 = 16;

/// Exponentially weighted moving average that starts at zero. Of two samples that are noted
/// concurrently, one may be lost.
#[derive(Debug, Default)]
pub(super) struct MovingAverage(AtomicU64);

impl MovingAverage {
    pub(in crate::runtime) fn note(&self, sample: u64) {
        let so_far = self.0.load(Relaxed);
        let now = so_far - so_far / WEIGHT + sample / WEIGHT;
        self.0.store(now, Relaxed);
    }

    pub(in crate::runtime) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_approaches_recent_samples() {
        let average = MovingAverage::default();
        assert_eq!(average.get(), 0);
        for wanted in [1_000_000, u64::MAX, 0, 1_000_000] {
            (0..1000).for_each(|_| average.note(wanted));
            let apart = average.get().abs_diff(wanted);
            assert!(apart <= wanted / 1000 + WEIGHT, "{wanted}: {apart}");
        }
    }
}
