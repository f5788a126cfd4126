//! Counts requests of a canary and of the active release side by side on one
//! node.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use histogram::Histogram;

use super::evidence::{Count, Evidence};
use super::thresholds::Thresholds;
use super::verdict::{Lane, MOST_LANES, NODE_ALPHA, Totals, judge};

/// Minimum length of a block of time in which the releases are compared. Stalls
/// of a machine, which affect both, are mostly shorter or last for several
/// blocks.
const BLOCK: Duration = Duration::from_millis(250);

/// Latency up to which no request counts as slow: below it, a ratio of
/// latencies depends more on the machine than on the releases.
const NOTICEABLE: Duration = Duration::from_millis(5);

/// Requests of the active release that are needed to know its usual latency.
const REFERENCE: u64 = 30;

/// Parameters of the histogram of usual latencies: microseconds up to 2^32, in
/// buckets whose width is at most 1/8 of their values.
const GROUPING_POWER: u8 = 3;
const MAX_VALUE_POWER: u8 = 32;

/// Name of the lane of calls by other plugins, which have no route.
pub const CALLS: &str = "(calls)";

/// Name of the lane that is shared by routes beyond the maximum number of
/// lanes.
const OTHERS: &str = "(other routes)";

/// One of the two releases that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Canary.
    Canary,
    /// Active release, which serves all other clients.
    Active,
}

/// Comparison of a canary with the active release on one node. Requests of both
/// are counted for as long as the canary serves, also across changes of its
/// share.
pub struct Comparison {
    began: Instant,
    thresholds: Thresholds,
    /// Live nodes of the shop, which share one bound on false alarms; 0 until
    /// the number is known.
    nodes: AtomicU64,
    /// Compared requests of the canary when its present step began.
    before_step: AtomicU64,
    state: Mutex<State>,
    withdrawn: OnceLock<String>,
}

impl Comparison {
    /// Returns a comparison that begins now.
    #[must_use]
    pub fn new(thresholds: Thresholds) -> Self {
        Self {
            began: Instant::now(),
            thresholds,
            nodes: AtomicU64::new(0),
            before_step: AtomicU64::new(0),
            state: Mutex::new(State::new(thresholds)),
            withdrawn: OnceLock::new(),
        }
    }

    /// Counts one request of `route`, and returns whether it made this node
    /// withdraw the canary.
    pub fn count(&self, route: &str, side: Side, took: Duration, failed: bool) -> bool {
        let now = self.began.elapsed();
        let mut state = self.state();
        if !state.count(now, route, side, took, failed) {
            return false;
        }
        let totals = state.totals();
        drop(state);
        self.withdraw_if_worse(&totals)
    }

    /// Sets the number of live nodes, by which the bound on false alarms is
    /// divided.
    pub fn set_nodes(&self, nodes: usize) {
        self.nodes.store(nodes as u64, Relaxed);
    }

    /// Begins another step of the canary. Earlier requests remain evidence, but
    /// do not count for the step.
    pub fn begin_step(&self) {
        let compared = self.state().totals().compared();
        self.before_step.store(compared, Relaxed);
    }

    /// Returns the number of requests of the canary in `totals` that were
    /// compared at its present step.
    #[must_use]
    pub fn compared_at_step(&self, totals: &Totals) -> u64 {
        let before = self.before_step.load(Relaxed);
        totals.compared().saturating_sub(before)
    }

    /// Returns the totals so far, after withdrawing the canary if they show
    /// that it does worse.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let mut state = self.state();
        state.close_due(self.began.elapsed());
        let totals = state.totals();
        drop(state);
        self.withdraw_if_worse(&totals);
        totals
    }

    /// Returns the reason why this node withdrew the canary and sends it no
    /// more clients; `None` if it did not.
    #[must_use]
    pub fn withdrawn(&self) -> Option<&str> {
        self.withdrawn.get().map(String::as_str)
    }

    fn withdraw_if_worse(&self, totals: &Totals) -> bool {
        let nodes = self.nodes.load(Relaxed);
        if nodes == 0 || self.withdrawn.get().is_some() {
            return false;
        }
        #[expect(clippy::cast_precision_loss, reason = "a number of nodes")]
        let alpha = NODE_ALPHA / nodes as f64;
        let reason = judge(totals, &self.thresholds, alpha);
        reason.is_some_and(|reason| self.withdrawn.set(reason).is_ok())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts of all lanes. Times are durations since the canary began.
pub(super) struct State {
    thresholds: Thresholds,
    /// Requests that the canary still has to answer before any request is
    /// compared.
    warm_up: u64,
    overall: LaneCounter,
    routes: BTreeMap<String, LaneCounter>,
}

impl State {
    pub(super) fn new(thresholds: Thresholds) -> Self {
        Self {
            thresholds,
            warm_up: thresholds.warm_up,
            overall: LaneCounter::default(),
            routes: BTreeMap::new(),
        }
    }

    /// Counts one request, and returns whether it ended a block in which
    /// anything of the canary went wrong.
    pub(super) fn count(
        &mut self,
        now: Duration,
        route: &str,
        side: Side,
        took: Duration,
        failed: bool,
    ) -> bool {
        let ratio = self.thresholds.latency;
        if self.warm_up > 0 {
            self.warm_up -= u64::from(side == Side::Canary);
            if side == Side::Active {
                self.overall.usual.note(took);
                self.lane(route).usual.note(took);
            }
            return false;
        }
        let request = Request { side, took, failed };
        let overall = self.overall.count(now, request, ratio);
        let route = self.lane(route).count(now, request, ratio);
        overall || route
    }

    /// Ends the blocks that are due, since no further request may arrive to end
    /// them.
    pub(super) fn close_due(&mut self, now: Duration) {
        let lanes = self.routes.values_mut().chain([&mut self.overall]);
        lanes
            .filter(|lane| lane.is_due(now))
            .for_each(|lane| _ = lane.close());
    }

    pub(super) fn totals(&self) -> Totals {
        let routes = self.routes.iter();
        let compared = routes.filter(|(_, counter)| counter.lane.is_compared());
        Totals {
            overall: self.overall.lane.clone(),
            routes: compared
                .map(|(route, counter)| (route.clone(), counter.lane.clone()))
                .collect(),
        }
    }

    fn lane(&mut self, route: &str) -> &mut LaneCounter {
        // Two lanes are reserved: for calls, and for routes without a lane of
        // their own.
        let is_full = self.routes.len() >= MOST_LANES - 2;
        let has_own = route == CALLS || !is_full || self.routes.contains_key(route);
        let name = if has_own { route } else { OTHERS };
        self.routes.entry(name.to_owned()).or_default()
    }
}

#[derive(Clone, Copy)]
struct Request {
    side: Side,
    took: Duration,
    failed: bool,
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
struct LaneCounter {
    lane: Lane,
    usual: Usual,
    opened: Duration,
    canary: BlockCounts,
    active: BlockCounts,
    /// Bounds above which requests of this block are slow, once the usual
    /// latency is known. They are computed from earlier requests, and so do not
    /// depend on those of the block.
    bounds: Option<(Duration, Duration)>,
}

impl LaneCounter {
    fn count(&mut self, now: Duration, request: Request, ratio: f64) -> bool {
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

    fn is_due(&self, now: Duration) -> bool {
        let both = self.canary.requests > 0 && self.active.requests > 0;
        both && now.saturating_sub(self.opened) >= BLOCK
    }

    /// Ends the block, and returns whether anything of the canary went wrong in
    /// it.
    fn close(&mut self) -> bool {
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
struct Usual {
    latency: Option<Histogram>,
    requests: u64,
}

impl Usual {
    fn note(&mut self, took: Duration) {
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

    const THRESHOLDS: Thresholds = Thresholds {
        requests: 20,
        errors: 0.05,
        latency: 2.0,
        warm_up: 10,
    };

    fn fast() -> Duration {
        Duration::from_millis(1)
    }

    #[test]
    fn the_first_requests_of_a_canary_and_what_was_answered_beside_them_do_not_count() {
        let mut state = State::new(THRESHOLDS);
        for number in 0..10 {
            let now = BLOCK * number;
            state.count(now, "/a", Side::Active, fast(), false);
            state.count(now, "/a", Side::Canary, fast(), true);
        }
        state.close_due(BLOCK * 100);
        assert_eq!(state.totals().overall.errors.canary, Count::default());
        assert!(state.totals().routes.is_empty());

        state.count(BLOCK * 101, "/a", Side::Active, fast(), false);
        state.count(BLOCK * 102, "/a", Side::Canary, fast(), true);
        state.close_due(BLOCK * 103);
        let (requests, bad) = (1, 1);
        let totals = state.totals();
        assert_eq!(totals.overall.errors.canary, Count { requests, bad });
        assert_eq!(totals.routes["/a"].errors.canary, Count { requests, bad });
    }

    #[test]
    fn a_block_needs_requests_of_both_and_some_time() {
        let mut state = State::new(Thresholds {
            warm_up: 0,
            ..THRESHOLDS
        });
        for number in 0..50 {
            state.count(BLOCK * number, "/a", Side::Canary, fast(), true);
        }
        state.close_due(BLOCK * 100);
        assert!(state.totals().routes.is_empty(), "nothing to compare with");
        state.count(BLOCK * 100, "/a", Side::Active, fast(), false);
        state.close_due(BLOCK * 101);
        assert_eq!(state.totals().routes["/a"].errors.canary.requests, 50);
    }

    #[test]
    fn routes_beyond_the_bound_share_a_lane() {
        let mut state = State::new(Thresholds {
            warm_up: 0,
            ..THRESHOLDS
        });
        for number in 0..500 {
            let route = format!("/{number}");
            state.count(BLOCK * number, &route, Side::Canary, fast(), false);
            state.count(BLOCK * number, &route, Side::Active, fast(), false);
        }
        state.count(BLOCK * 501, CALLS, Side::Active, fast(), false);
        assert!(state.routes.len() <= MOST_LANES, "{}", state.routes.len());
        assert!(state.routes.contains_key(OTHERS) && state.routes.contains_key(CALLS));
    }

    #[test]
    fn what_is_slow_follows_from_the_active_release_and_not_below_five_milliseconds() {
        let mut usual = Usual::default();
        (0..29).for_each(|_| usual.note(Duration::from_millis(10)));
        assert_eq!(usual.bounds(2.0), None);
        usual.note(Duration::from_millis(10));
        let (median, tail) = usual.bounds(2.0).expect("enough");
        assert!(median >= Duration::from_millis(20) && median < Duration::from_millis(23));
        assert_eq!(median, tail);
        let mut usual = Usual::default();
        (0..40).for_each(|_| usual.note(Duration::from_micros(100)));
        assert_eq!(usual.bounds(2.0), Some((NOTICEABLE, NOTICEABLE)));
    }

    #[test]
    fn a_node_that_does_not_know_how_many_there_are_withdraws_nothing() {
        let comparison = Comparison::new(Thresholds {
            warm_up: 0,
            ..THRESHOLDS
        });
        {
            let mut state = comparison.state();
            for number in 0..200 {
                let now = BLOCK * number;
                state.count(now, "/a", Side::Canary, fast(), true);
                state.count(now, "/a", Side::Active, fast(), false);
            }
        }
        let _ = comparison.totals();
        assert_eq!(comparison.withdrawn(), None);
        comparison.set_nodes(3);
        let _ = comparison.totals();
        let reason = comparison.withdrawn().expect("worse");
        assert!(reason.contains("errors"), "{reason}");
    }
}
