//! Comparison of a canary with the active release on one node, and withdrawal of
//! the canary once it does worse.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::counting::LaneCounters;
use super::lane_counter::Side;
use super::thresholds::Thresholds;
use super::verdict::{NODE_ALPHA, Totals, analyze};

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
    counters: Mutex<LaneCounters>,
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
            counters: Mutex::new(LaneCounters::new(thresholds)),
            withdrawn: OnceLock::new(),
        }
    }

    /// Counts one request of `route`, and returns whether it made this node
    /// withdraw the canary.
    pub fn count(&self, route: &str, side: Side, took: Duration, failed: bool) -> bool {
        let now = self.began.elapsed();
        let mut counters = self.counters();
        if !counters.count(now, route, side, took, failed) {
            return false;
        }
        let totals = counters.totals();
        drop(counters);
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
        let compared = self.counters().totals().compared();
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
        let mut counters = self.counters();
        counters.close_due(self.began.elapsed());
        let totals = counters.totals();
        drop(counters);
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
        let reason = analyze(totals, &self.thresholds, alpha);
        reason.is_some_and(|reason| self.withdrawn.set(reason).is_ok())
    }

    fn counters(&self) -> MutexGuard<'_, LaneCounters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn a_node_that_does_not_know_how_many_there_are_withdraws_nothing() {
        let comparison = Comparison::new(Thresholds {
            warm_up: 0,
            ..THRESHOLDS
        });
        {
            let mut counters = comparison.counters();
            for number in 0..200 {
                let now = BLOCK * number;
                counters.count(now, "/a", Side::Canary, fast(), true);
                counters.count(now, "/a", Side::Active, fast(), false);
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
