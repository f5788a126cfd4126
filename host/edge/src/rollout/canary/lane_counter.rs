//! Counts of one route, or of all requests, in blocks of time.

use std::time::Duration;

use histogram::Histogram;

use super::evidence::{Count, Evidence};
use super::verdict::Lane;

/// Minimum length of a block of time in which the releases are compared. Stalls
/// of a machine, which affect both, are mostly shorter or last for several
/// blocks.
pub(super) const BLOCK: Duration = Duration::from_millis(250);

/// Latency up to which no request counts as slow: below it, a ratio of
/// latencies depends more on the machine than on the releases.
const NOTICEABLE: Duration = Duration::from_millis(5);

/// Requests of the active release that are needed to know its usual latency.
const REFERENCE: u64 = 30;

/// Parameters of the histogram of usual latencies: microseconds up to 2^32, in
/// buckets whose width is at most 1/8 of their values.
const GROUPING_POWER: u8 = 3;
const MAX_VALUE_POWER: u8 = 32;

/// One of the two releases that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Canary.
    Canary,
    /// Active release, which serves all other clients.
    Active,
}

/// One answered request.
#[derive(Clone, Copy)]
pub(super) struct Request {
    pub(super) side: Side,
    pub(super) took: Duration,
    pub(super) failed: bool,
}

/// Counts of one release in one block.
#[derive(Default, Clone, Copy)]
struct BlockCounts {
    requests: u64,
    failed: u64,
    /// Requests slower than the allowed ratio times the active release's
    /// median.
    slow: u64,
    /// Requests slower than the allowed ratio times the active release's 95th
    /// percentile.
    very_slow: u64,
}

/// Counters of one route, or of all requests.
#[derive(Default)]
pub(super) struct LaneCounter {
    pub(super) lane: Lane,
    pub(super) usual: UsualLatency,
    opened: Duration,
    canary: BlockCounts,
    active: BlockCounts,
    /// Bounds above which requests of this block are slow, once the usual
    /// latency is known. They are computed from earlier requests, and so do not
    /// depend on those of the block.
    bounds: Option<(Duration, Duration)>,
}

impl LaneCounter {
    /// Counts one request, and returns whether it ended a block in which
    /// anything of the canary went wrong.
    pub(super) fn count(&mut self, now: Duration, request: Request, ratio: f64) -> bool {
        // The first request after a block ends it, whichever release answers:
        // neither the outcome nor the release may decide when a block ends.
        let has_news = self.is_due(now) && self.close();
        let is_empty = self.canary.requests + self.active.requests == 0;
        if is_empty {
            self.opened = now;
            self.bounds = self.usual.bounds(ratio);
        }
        let bounds = self.bounds;
        let slower = |bound: fn((Duration, Duration)) -> Duration| {
            bounds.is_some_and(|b| request.took > bound(b))
        };
        let counts = match request.side {
            Side::Canary => &mut self.canary,
            Side::Active => &mut self.active,
        };
        counts.requests += 1;
        counts.failed += u64::from(request.failed);
        counts.slow += u64::from(slower(|(median, _)| median));
        counts.very_slow += u64::from(slower(|(_, tail)| tail));
        if request.side == Side::Active {
            self.usual.note(request.took);
        }
        has_news
    }

    /// Returns whether the block has requests of both releases and its minimum
    /// length.
    pub(super) fn is_due(&self, now: Duration) -> bool {
        let both = self.canary.requests > 0 && self.active.requests > 0;
        both && now.saturating_sub(self.opened) >= BLOCK
    }

    /// Ends the block, and returns whether anything of the canary went wrong in
    /// it.
    pub(super) fn close(&mut self) -> bool {
        let (canary, active) = (
            std::mem::take(&mut self.canary),
            std::mem::take(&mut self.active),
        );
        let observe = |evidence: &mut Evidence, bad: fn(BlockCounts) -> u64| {
            let count = |counts: BlockCounts| Count {
                requests: counts.requests,
                bad: bad(counts),
            };
            evidence.observe(count(canary), count(active));
        };
        observe(&mut self.lane.errors, |counts| counts.failed);
        if self.bounds.is_some() {
            observe(&mut self.lane.median, |counts| counts.slow);
            observe(&mut self.lane.tail, |counts| counts.very_slow);
        }
        canary.failed + canary.slow + canary.very_slow > 0
    }
}

/// Usual latency of the active release.
#[derive(Default)]
pub(super) struct UsualLatency {
    latency: Option<Histogram>,
    requests: u64,
}

impl UsualLatency {
    pub(super) fn note(&mut self, took: Duration) {
        if self.latency.is_none() {
            self.latency = Histogram::new(GROUPING_POWER, MAX_VALUE_POWER).ok();
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(latency) = &mut self.latency {
            // Fails only for values beyond the last bucket, which exceed every
            // deadline.
            let _ = latency.increment(micros);
            self.requests += 1;
        }
    }

    /// Returns the times above which a request is slow: `ratio` times the
    /// median, and `ratio` times the 95th percentile.
    fn bounds(&self, ratio: f64) -> Option<(Duration, Duration)> {
        if self.requests < REFERENCE {
            return None;
        }
        let latency = self.latency.as_ref()?;
        let bound = |part| {
            let bucket = latency.quantile_bucket(part).ok()??;
            let usual = Duration::from_micros(bucket.end());
            Some(usual.mul_f64(ratio).max(NOTICEABLE))
        };
        Some((bound(0.5)?, bound(0.95)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_slow_follows_from_the_active_release_and_not_below_five_milliseconds() {
        let mut usual = UsualLatency::default();
        (0..29).for_each(|_| usual.note(Duration::from_millis(10)));
        assert_eq!(usual.bounds(2.0), None);
        usual.note(Duration::from_millis(10));
        let (median, tail) = usual.bounds(2.0).expect("enough");
        assert!(median >= Duration::from_millis(20) && median < Duration::from_millis(23));
        assert_eq!(median, tail);
        let mut usual = UsualLatency::default();
        (0..40).for_each(|_| usual.note(Duration::from_micros(100)));
        assert_eq!(usual.bounds(2.0), Some((NOTICEABLE, NOTICEABLE)));
    }
}
