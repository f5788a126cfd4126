//! Canary analysis over the reports of all nodes together.
//!
//! Each node analyzes its own requests without delay. A canary that serves few requests on each of
//! many nodes would never have enough on one node for a verdict.

use std::collections::BTreeMap;

use crate::rollout::canary::{FLEET_ALPHA, Thresholds, Totals, analyze};
use crate::rollout::control::log::Entry;
use crate::rollout::control::nodes::NodeRecord;
use crate::rollout::control::rollouts::Rollout;
use crate::rollout::report::State;

/// Comparison of one canary with the active release, summed over nodes.
#[derive(Debug, Default)]
pub struct Fleet {
    /// Number of live nodes that serve the canary.
    pub nodes: usize,
    /// Sum of the nodes' comparisons.
    pub totals: Totals,
    /// Number of the canary's requests that the nodes compared at the current step; `None` if an
    /// older host does not report it.
    pub at_step: Option<u64>,
}

/// Returns the sum of the live nodes' last reports on the canary of `rollout`. Reports on another
/// revision do not count.
#[must_use]
pub fn compared(rollout: &Rollout, heads: &BTreeMap<String, Entry>, nodes: &[NodeRecord]) -> Fleet {
    let mut fleet = Fleet {
        at_step: Some(0),
        ..Fleet::default()
    };
    for node in nodes.iter().filter(|node| node.is_live()) {
        let Some(head) = heads.get(&node.region) else {
            continue;
        };
        let report = node.report.plugins.get(&rollout.plugin);
        let report = report.filter(|report| {
            head.rollout == rollout.id
                && head.revision == report.revision
                && report.state == State::Serving
        });
        if let Some(comparison) = report.and_then(|report| report.comparison.as_ref()) {
            fleet.nodes += 1;
            fleet.totals.add(&comparison.compared);
            let counts = fleet.at_step.zip(comparison.at_step);
            fleet.at_step = counts.map(|(sum, own)| sum + own);
        }
    }
    fleet
}

/// Returns in what way the canary of `rollout` is worse than the active release, if it is, from the
/// reports of two or more nodes together.
pub(in crate::rollout) fn verdict(
    thresholds: &Thresholds,
    rollout: &Rollout,
    heads: &BTreeMap<String, Entry>,
    nodes: &[NodeRecord],
) -> Option<String> {
    let Fleet { nodes, totals, .. } = compared(rollout, heads, nodes);
    if nodes < 2 {
        // A single node has reached this verdict itself.
        return None;
    }
    let reason = analyze(&totals, thresholds, FLEET_ALPHA)?;
    Some(format!(
        "the canary does worse on {nodes} nodes together: {reason}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::Tally;
    use crate::rollout::canary::Count;
    use crate::rollout::control::log::{DesiredCanary, DesiredState};
    use crate::rollout::control::rollouts::Phase;
    use crate::rollout::report::{CanaryReport, PluginReport, Report};
    use bundle::Digest;

    const THRESHOLDS: Thresholds = Thresholds {
        requests: 15,
        errors: 0.05,
        latency: 2.0,
        warm_up: 10,
    };

    fn rollout() -> Rollout {
        Rollout {
            id: "1".to_owned(),
            plugin: "hello".to_owned(),
            digest: Some(Digest::of(b"new")),
            regions: vec!["here".to_owned()],
            canary_percent: 10,
            pause_ms: 0,
            phase: Phase::Canary,
            reason: String::new(),
            author: "tester".to_owned(),
            started_at: 0,
            changed_at: 0,
        }
    }

    fn heads() -> BTreeMap<String, Entry> {
        let canary = DesiredCanary {
            digest: Digest::of(b"new"),
            percent: 10,
        };
        let head = Entry {
            region: "here".to_owned(),
            plugin: "hello".to_owned(),
            revision: 7,
            desired: DesiredState {
                active: Some(Digest::of(b"old")),
                canary: Some(canary),
            },
            rollout: "1".to_owned(),
            author: "tester".to_owned(),
            reason: String::new(),
            written_at: 0,
            age_ms: 0,
        };
        BTreeMap::from([("here".to_owned(), head)])
    }

    /// Returns a node on which the canary failed all of `requests` requests, and the active release
    /// none of nine times as many.
    fn node(name: &str, revision: i64, age_ms: i64, requests: u64) -> NodeRecord {
        let mut compared = Totals::default();
        for _ in 0..requests {
            let errors = &mut compared.overall.errors;
            let (one, nine) = (1, 9);
            errors.observe(
                Count {
                    requests: one,
                    bad: one,
                },
                Count {
                    requests: nine,
                    bad: 0,
                },
            );
        }
        let plugin = PluginReport {
            revision,
            state: State::Serving,
            reason: String::new(),
            transient: false,
            for_ms: 0,
            active: None,
            canary: None,
            before: None,
            comparison: Some(CanaryReport {
                canary: Tally::default(),
                active: Tally::default(),
                compared,
                at_step: None,
            }),
        };
        NodeRecord {
            node: name.to_owned(),
            region: "here".to_owned(),
            report: Report {
                plugins: BTreeMap::from([("hello".to_owned(), plugin)]),
                ..Report::default()
            },
            age_ms,
        }
    }

    #[test]
    fn few_requests_on_each_node_are_enough_together() {
        let analyze = |nodes: &[NodeRecord]| verdict(&THRESHOLDS, &rollout(), &heads(), nodes);
        let nodes = ["a", "b", "c"].map(|name| node(name, 7, 0, 5));
        assert_eq!(analyze(&nodes[..2]), None);
        let reason = analyze(&nodes).expect("worse");
        assert!(reason.contains("3 nodes together"), "{reason}");
        assert!(reason.contains("errors: 15/15 vs 0/135"), "{reason}");
    }

    #[test]
    fn only_this_canary_counts_and_only_nodes_that_are_there() {
        let analyze = |nodes: &[NodeRecord]| verdict(&THRESHOLDS, &rollout(), &heads(), nodes);
        assert_eq!(analyze(&[node("a", 7, 0, 40), node("b", 6, 0, 40)]), None);
        assert_eq!(
            analyze(&[node("a", 7, 0, 40), node("b", 7, 60_000, 40)]),
            None
        );
        assert!(analyze(&[node("a", 7, 0, 40), node("b", 7, 0, 40)]).is_some());
        let other = Rollout {
            id: "2".to_owned(),
            ..rollout()
        };
        let nodes = [node("a", 7, 0, 90)];
        assert_eq!(verdict(&THRESHOLDS, &other, &heads(), &nodes), None);
    }

    #[test]
    fn a_step_is_counted_by_the_nodes_that_are_there() {
        let at_step = |counts: &[Option<u64>]| {
            let nodes: Vec<_> = counts
                .iter()
                .map(|count| {
                    let mut node = node("a", 7, 0, 40);
                    let plugins = node.report.plugins.values_mut();
                    let comparisons = plugins.filter_map(|plugin| plugin.comparison.as_mut());
                    comparisons.for_each(|comparison| comparison.at_step = *count);
                    node
                })
                .collect();
            compared(&rollout(), &heads(), &nodes).at_step
        };
        // One node was restarted since the step began, the other was not.
        assert_eq!(at_step(&[Some(3), Some(20)]), Some(23));
        assert_eq!(at_step(&[Some(3), None]), None, "an older host");
        assert_eq!(at_step(&[]), Some(0));
    }

    #[test]
    fn reports_of_older_hosts_compare_nothing() {
        let old = r#"{"canary":{"requests":1,"errors":1,"latency":{}},
                      "active":{"requests":9,"errors":0,"latency":{}}}"#;
        let old: CanaryReport = serde_json::from_str(old).expect("a report");
        assert_eq!(old.compared, Totals::default());
        assert_eq!(old.at_step, None);
    }
}
