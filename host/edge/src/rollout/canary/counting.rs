//! Counts of requests of a canary and of the active release, in a lane for each
//! route.

use std::collections::BTreeMap;
use std::time::Duration;

use super::lane_counter::{LaneCounter, Request, Side};
use super::thresholds::Thresholds;
use super::verdict::{MOST_LANES, Totals};

/// Name of the lane of calls by other plugins, which have no route.
pub const CALLS: &str = "(calls)";

/// Name of the lane that is shared by routes beyond the maximum number of
/// lanes.
const OTHERS: &str = "(other routes)";

/// Counts of all lanes. Times are durations since the canary began.
pub(super) struct LaneCounters {
    thresholds: Thresholds,
    /// Requests that the canary still has to answer before any request is
    /// compared.
    warm_up: u64,
    overall: LaneCounter,
    routes: BTreeMap<String, LaneCounter>,
}

impl LaneCounters {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::canary::evidence::Count;
    use crate::rollout::canary::lane_counter::BLOCK;

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
        let mut counters = LaneCounters::new(THRESHOLDS);
        for number in 0..10 {
            let now = BLOCK * number;
            counters.count(now, "/a", Side::Active, fast(), false);
            counters.count(now, "/a", Side::Canary, fast(), true);
        }
        counters.close_due(BLOCK * 100);
        assert_eq!(counters.totals().overall.errors.canary, Count::default());
        assert!(counters.totals().routes.is_empty());

        counters.count(BLOCK * 101, "/a", Side::Active, fast(), false);
        counters.count(BLOCK * 102, "/a", Side::Canary, fast(), true);
        counters.close_due(BLOCK * 103);
        let (requests, bad) = (1, 1);
        let totals = counters.totals();
        assert_eq!(totals.overall.errors.canary, Count { requests, bad });
        assert_eq!(totals.routes["/a"].errors.canary, Count { requests, bad });
    }

    #[test]
    fn a_block_needs_requests_of_both_and_some_time() {
        let mut counters = LaneCounters::new(Thresholds {
            warm_up: 0,
            ..THRESHOLDS
        });
        for number in 0..50 {
            counters.count(BLOCK * number, "/a", Side::Canary, fast(), true);
        }
        counters.close_due(BLOCK * 100);
        assert!(
            counters.totals().routes.is_empty(),
            "nothing to compare with"
        );
        counters.count(BLOCK * 100, "/a", Side::Active, fast(), false);
        counters.close_due(BLOCK * 101);
        assert_eq!(counters.totals().routes["/a"].errors.canary.requests, 50);
    }

    #[test]
    fn routes_beyond_the_bound_share_a_lane() {
        let mut counters = LaneCounters::new(Thresholds {
            warm_up: 0,
            ..THRESHOLDS
        });
        for number in 0..500 {
            let route = format!("/{number}");
            counters.count(BLOCK * number, &route, Side::Canary, fast(), false);
            counters.count(BLOCK * number, &route, Side::Active, fast(), false);
        }
        counters.count(BLOCK * 501, CALLS, Side::Active, fast(), false);
        assert!(
            counters.routes.len() <= MOST_LANES,
            "{}",
            counters.routes.len()
        );
        assert!(counters.routes.contains_key(OTHERS) && counters.routes.contains_key(CALLS));
    }
}
