//! The verdict on a canary, from all that was compared.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::evidence::Evidence;
use super::thresholds::Thresholds;

/// The chance that one of the shop's nodes withdraws, by what it sees alone, a
/// canary that does no worse. The nodes share it.
pub const NODE_ALPHA: f64 = 0.004;

/// The chance that such a canary is withdrawn by what all nodes see together.
pub const FLEET_ALPHA: f64 = 0.005;

/// Lanes beside the overall one: routes, calls by other plugins, and the rest.
pub(super) const MOST_LANES: usize = 65;

/// Part of the canary's requests that are slower than the bound at the median,
/// from which its own median is above that bound.
const HALF: f64 = 0.5;

/// By how much that part must exceed the active release's.
const MEDIAN_MARGIN: f64 = 0.2;

/// By how much the part above the bound at the 95th percentile must exceed the
/// active release's.
const TAIL_MARGIN: f64 = 0.05;

/// The tests of one route, or of all requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Lane {
    /// Requests that failed by no fault of the client.
    pub errors: Evidence,
    /// Requests slower than the active release's median, by the ratio that is
    /// allowed.
    pub median: Evidence,
    /// Requests slower than its 95th percentile, by that ratio.
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

/// What was compared, on one node or on all.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// All requests.
    pub overall: Lane,
    /// Requests by route.
    pub routes: BTreeMap<String, Lane>,
}

impl Totals {
    /// Adds what another node has compared.
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

/// One test among all.
#[derive(Clone, Copy)]
struct Test<'a> {
    /// None for all requests.
    route: Option<&'a str>,
    kind: Kind,
    evidence: &'a Evidence,
}

impl Test<'_> {
    /// The part of the bound on false alarms that this test may spend. All
    /// parts together are 1, so a weighted sum of the tests' e-values is an
    /// e-value again.
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

    /// Whether the difference is one that matters, if it is real.
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

/// Returns in what way the canary does worse, if it does: the evidence of the
/// tests whose difference matters exceeds `1/alpha`. An equal release is found
/// worse with a probability below `alpha`, however often this is asked.
#[must_use]
pub fn judge(totals: &Totals, thresholds: &Thresholds, alpha: f64) -> Option<String> {
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

/// Returns the chance of evidence that strong if the canary does no worse: an
/// anytime-valid p-value over all tests together.
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
        assert_eq!(judge(&totals, &THRESHOLDS, 0.01), None);
        let lane = Lane {
            errors: evidence(8, count(1, 1), count(9, 0)),
            ..Lane::default()
        };
        totals.routes.insert("/tax".to_owned(), lane);
        let reason = judge(&totals, &THRESHOLDS, 0.01).expect("worse");
        assert!(reason.contains("errors of /tax: 8/8 vs 0/72"), "{reason}");
        assert!(reason.contains("p<0.0001"), "{reason}");
    }

    #[test]
    fn a_difference_that_is_certain_and_small_is_none_to_withdraw_for() {
        let mut totals = Totals::default();
        totals.overall.errors = evidence(2000, count(100, 2), count(900, 0));
        assert!(p_value(&totals) < 1e-6);
        assert_eq!(judge(&totals, &THRESHOLDS, 0.01), None);
        let strict = Thresholds {
            errors: 0.01,
            ..THRESHOLDS
        };
        assert!(judge(&totals, &strict, 0.01).is_some());
    }

    #[test]
    fn nothing_is_found_before_enough_was_compared() {
        let mut totals = Totals::default();
        totals.overall.errors = evidence(19, count(1, 1), count(9, 0));
        assert_eq!(judge(&totals, &THRESHOLDS, 0.01), None);
        totals.overall.errors.observe(count(1, 1), count(9, 0));
        assert!(judge(&totals, &THRESHOLDS, 0.01).is_some());
    }

    #[test]
    fn a_slower_median_is_named() {
        let mut totals = Totals::default();
        totals.overall.errors = evidence(30, count(3, 0), count(27, 0));
        totals.overall.median = evidence(30, count(3, 3), count(27, 3));
        let reason = judge(&totals, &THRESHOLDS, 0.01).expect("slower");
        assert!(
            reason.contains("slower than the active release's median"),
            "{reason}"
        );
    }
}
