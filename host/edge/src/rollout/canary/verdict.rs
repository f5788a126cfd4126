//! Verdict on a canary by all its tests, with one bound on false alarms.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::evidence::Evidence;
use super::thresholds::Thresholds;

/// Probability that any node of the shop withdraws, by its own evidence alone,
/// a canary that does no worse. The nodes share it.
pub const NODE_ALPHA: f64 = 0.004;

/// Probability that a canary that does no worse is withdrawn by the evidence of
/// all nodes together.
pub const FLEET_ALPHA: f64 = 0.005;

/// Maximum number of lanes beside the overall one: routes, calls by other
/// plugins, and the remaining routes.
pub(super) const MOST_LANES: usize = 65;

/// Fraction of the canary's requests above the bound at the median from which
/// on the canary's own median is above that bound.
const HALF: f64 = 0.5;

/// Margin by which the canary's fraction above the bound at the median must
/// exceed the active release's.
const MEDIAN_MARGIN: f64 = 0.2;

/// Margin by which the canary's fraction above the bound at the 95th percentile
/// must exceed the active release's.
const TAIL_MARGIN: f64 = 0.05;

/// Tests of one route, or of all requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Lane {
    /// Requests that failed, except by the client's fault.
    pub errors: Evidence,
    /// Requests slower than the allowed ratio times the active release's
    /// median.
    pub median: Evidence,
    /// Requests slower than the allowed ratio times the active release's 95th
    /// percentile.
    pub tail: Evidence,
}

impl Lane {
    /// Returns whether any request was compared.
    pub(super) fn is_compared(&self) -> bool {
        self.errors.canary.requests > 0
    }

    fn add(&mut self, other: &Self) {
        self.errors.add(&other.errors);
        self.median.add(&other.median);
        self.tail.add(&other.tail);
    }
}

/// Evidence of all tests, on one node or on all.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Tests of all requests together.
    pub overall: Lane,
    /// Tests by route.
    pub routes: BTreeMap<String, Lane>,
}

impl Totals {
    /// Adds the evidence of another node.
    pub fn add(&mut self, other: &Self) {
        self.overall.add(&other.overall);
        for (route, lane) in &other.routes {
            self.routes.entry(route.clone()).or_default().add(lane);
        }
    }

    /// Returns the number of the canary's requests that were compared.
    #[must_use]
    pub fn compared(&self) -> u64 {
        self.overall.errors.canary.requests
    }

    fn tests(&self) -> impl Iterator<Item = Test<'_>> {
        let routes = self.routes.iter();
        let routes = routes.map(|(route, lane)| (Some(route.as_str()), lane));
        let lanes = std::iter::once((None, &self.overall)).chain(routes);
        lanes.flat_map(|(route, lane)| {
            let of = |kind, evidence| Test {
                route,
                kind,
                evidence,
            };
            [
                of(Kind::Errors, &lane.errors),
                of(Kind::Median, &lane.median),
                of(Kind::Tail, &lane.tail),
            ]
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Errors,
    Median,
    Tail,
}

/// One of the tests of a canary.
#[derive(Clone, Copy)]
struct Test<'a> {
    /// Route of the test; `None` for all requests.
    route: Option<&'a str>,
    kind: Kind,
    evidence: &'a Evidence,
}

impl Test<'_> {
    /// Returns the fraction of the bound on false alarms that this test may
    /// spend. The fractions sum to 1 at most, so a weighted sum of the tests'
    /// e-values is an e-value too.
    fn weight(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let lanes = MOST_LANES as f64;
        match (self.route, self.kind) {
            (None, Kind::Errors) => 0.2,
            (None, _) => 0.1,
            (Some(_), Kind::Errors) => 0.4 / lanes,
            (Some(_), _) => 0.1 / lanes,
        }
    }

    fn weighted(&self) -> f64 {
        self.weight() * self.evidence.e_value()
    }

    /// Returns whether the difference is large enough to withdraw the canary,
    /// if it is real.
    fn matters(&self, thresholds: &Thresholds) -> bool {
        let Evidence { canary, .. } = self.evidence;
        let difference = self.evidence.difference();
        match self.kind {
            Kind::Errors => difference > thresholds.errors,
            Kind::Median => canary.rate() >= HALF && difference > MEDIAN_MARGIN,
            Kind::Tail => difference > TAIL_MARGIN,
        }
    }
}

impl fmt::Display for Test<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (new, old) = (self.evidence.canary, self.evidence.active);
        let what = match self.kind {
            Kind::Errors => "errors",
            Kind::Median => "requests slower than the active release's median allows",
            Kind::Tail => "requests slower than the active release's 95th percentile allows",
        };
        write!(f, "{what}")?;
        if let Some(route) = self.route {
            write!(f, " of {route}")?;
        }
        let (new_bad, old_bad) = (new.bad, old.bad);
        write!(
            f,
            ": {new_bad}/{} vs {old_bad}/{}",
            new.requests, old.requests
        )
    }
}

/// Returns the reason why the canary does worse, if it does: the evidence of
/// the tests whose difference matters exceeds `1/alpha`. The probability that a
/// release that is no worse is ever found worse is at most `alpha`, however
/// often this is called.
#[must_use]
pub fn analyze(totals: &Totals, thresholds: &Thresholds, alpha: f64) -> Option<String> {
    if totals.compared() < thresholds.requests {
        return None;
    }
    let tests = totals.tests().filter(|test| test.matters(thresholds));
    let (mut sum, mut clearest) = (0.0, None);
    for test in tests {
        sum += test.weighted();
        let is_clearer = clearest.is_none_or(|other: Test<'_>| test.weighted() > other.weighted());
        clearest = if is_clearer { Some(test) } else { clearest };
    }
    let clearest = clearest.filter(|_| sum >= 1.0 / alpha)?;
    Some(format!("{clearest} ({})", shown(1.0 / sum)))
}

/// Returns an anytime-valid p-value over all tests together: the probability of
/// evidence this strong if the canary does no worse.
#[must_use]
pub fn p_value(totals: &Totals) -> f64 {
    let sum: f64 = totals.tests().map(|test| test.weighted()).sum();
    (1.0 / sum).min(1.0)
}

fn shown(p: f64) -> String {
    match p {
        p if p < 0.0001 => "p<0.0001".to_owned(),
        p => format!("p={p:.4}"),
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let p = p_value(self);
        let digits = if p < 0.01 { 4 } else { 2 };
        let Lane {
            errors,
            median,
            tail,
        } = &self.overall;
        let of = |kind: &Evidence| {
            let (new, old) = (kind.canary, kind.active);
            format!(
                "{}/{} vs {}/{}",
                new.bad, new.requests, old.bad, old.requests
            )
        };
        let (errors, median, tail) = (of(errors), of(median), of(tail));
        write!(
            f,
            "errors: {errors}, above the allowed median: {median}, above the allowed 95th \
             percentile: {tail}, p={p:.digits$}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::evidence::Count;
    use super::*;

    const THRESHOLDS: Thresholds = Thresholds {
        requests: 20,
        errors: 0.05,
        latency: 2.0,
        warm_up: 0,
    };

    fn evidence(blocks: usize, canary: Count, active: Count) -> Evidence {
        let mut evidence = Evidence::default();
        (0..blocks).for_each(|_| evidence.observe(canary, active));
        evidence
    }

    fn count(requests: u64, bad: u64) -> Count {
        Count { requests, bad }
    }

    #[test]
    fn the_weights_of_all_tests_are_one() {
        let lanes = (0..MOST_LANES).map(|number| (format!("/{number}"), Lane::default()));
        let totals = Totals {
            routes: lanes.collect(),
            ..Totals::default()
        };
        let sum: f64 = totals.tests().map(|test| test.weight()).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
        assert!((p_value(&totals) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn one_failing_route_is_enough_and_the_verdict_names_it() {
        let mut totals = Totals::default();
        totals.overall.errors = evidence(50, count(10, 0), count(90, 0));
        assert_eq!(analyze(&totals, &THRESHOLDS, 0.01), None);
        let lane = Lane {
            errors: evidence(8, count(1, 1), count(9, 0)),
            ..Lane::default()
        };
        totals.routes.insert("/tax".to_owned(), lane);
        let reason = analyze(&totals, &THRESHOLDS, 0.01).expect("worse");
        assert!(reason.contains("errors of /tax: 8/8 vs 0/72"), "{reason}");
        assert!(reason.contains("p<0.0001"), "{reason}");
    }

    #[test]
    fn a_difference_that_is_certain_and_small_is_none_to_withdraw_for() {
        let mut totals = Totals::default();
        totals.overall.errors = evidence(2000, count(100, 2), count(900, 0));
        assert!(p_value(&totals) < 1e-6);
        assert_eq!(analyze(&totals, &THRESHOLDS, 0.01), None);
        let strict = Thresholds {
            errors: 0.01,
            ..THRESHOLDS
        };
        assert!(analyze(&totals, &strict, 0.01).is_some());
    }

    #[test]
    fn nothing_is_found_before_enough_was_compared() {
        let mut totals = Totals::default();
        totals.overall.errors = evidence(19, count(1, 1), count(9, 0));
        assert_eq!(analyze(&totals, &THRESHOLDS, 0.01), None);
        totals.overall.errors.observe(count(1, 1), count(9, 0));
        assert!(analyze(&totals, &THRESHOLDS, 0.01).is_some());
    }

    #[test]
    fn a_slower_median_is_named() {
        let mut totals = Totals::default();
        totals.overall.errors = evidence(30, count(3, 0), count(27, 0));
        totals.overall.median = evidence(30, count(3, 3), count(27, 3));
        let reason = analyze(&totals, &THRESHOLDS, 0.01).expect("slower");
        assert!(
            reason.contains("slower than the active release's median"),
            "{reason}"
        );
    }
}
