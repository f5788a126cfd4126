//! How a canary does on all nodes together.
//!
//! Each node judges what it saw itself, and is quick about it. A canary that
//! answers few requests on each of many nodes would never be judged that way.

use std::collections::BTreeMap;

use super::control::log::Entry;
use super::control::nodes::NodeRecord;
use super::control::rollouts::Rollout;
use super::judge::Margins;
use super::report::{State, TrialReport};
use crate::runtime::Tally;

/// In what way the canary of `rollout` is worse than the active release, if
/// it is, by what the nodes last reported of this very trial.
pub(super) fn verdict(
    margins: &Margins,
    rollout: &Rollout,
    heads: &BTreeMap<String, Entry>,
    nodes: &[NodeRecord],
) -> Option<String> {
    let trials = nodes.iter().filter_map(|node| {
        let head = heads.get(&node.region)?;
        let report = node.report.plugins.get(&rollout.plugin)?;
        let is_this = head.rollout == rollout.id
            && head.revision == report.revision
            && report.state == State::Serving
            && node.is_live();
        report.trial.as_ref().filter(|_| is_this)
    });
    let trials: Vec<&TrialReport> = trials.collect();
    if trials.len() < 2 {
        // It has judged that itself.
        return None;
    }
    let (mut new, mut old) = (Tally::default(), Tally::default());
    for trial in &trials {
        trial.canary.add_to(&mut new);
        trial.active.add_to(&mut old);
    }
    let reason = margins.judge((&new).into(), (&old).into())?;
    let count = trials.len();
    Some(format!(
        "the canary does worse on {count} nodes together: {reason}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::bundle::Digest;
    use crate::rollout::control::log::{Wanted, WantedCanary};
    use crate::rollout::control::rollouts::Phase;
    use crate::rollout::report::{PluginReport, Report};

    const MARGINS: Margins = Margins {
        requests: 50,
        errors: 0.05,
        latency: 2.0,
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
        let canary = WantedCanary {
            digest: Digest::of(b"new"),
            percent: 10,
        };
        let head = Entry {
            region: "here".to_owned(),
            plugin: "hello".to_owned(),
            revision: 7,
            wanted: Wanted {
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

    /// A node on which the canary failed all of so many requests.
    fn node(name: &str, revision: i64, age_ms: i64, requests: u64) -> NodeRecord {
        let failing = serde_json::json!({
            "requests": requests, "errors": requests, "latency": {}
        });
        let failing: Tally = serde_json::from_value(failing).expect("a tally");
        let plugin = PluginReport {
            revision,
            state: State::Serving,
            reason: String::new(),
            for_ms: 0,
            active: None,
            canary: None,
            before: None,
            trial: Some(TrialReport {
                canary: failing,
                active: Tally::default(),
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
        let judge = |nodes: &[NodeRecord]| verdict(&MARGINS, &rollout(), &heads(), nodes);
        let nodes = ["a", "b", "c"].map(|name| node(name, 7, 0, 20));
        assert_eq!(judge(&nodes[..2]), None);
        let reason = judge(&nodes).expect("worse");
        assert!(reason.contains("3 nodes together"), "{reason}");
        assert!(reason.contains("of its 60 requests"), "{reason}");
    }

    #[test]
    fn only_this_trial_counts_and_only_nodes_that_are_there() {
        let judge = |nodes: &[NodeRecord]| verdict(&MARGINS, &rollout(), &heads(), nodes);
        assert_eq!(judge(&[node("a", 7, 0, 40), node("b", 6, 0, 40)]), None);
        assert_eq!(
            judge(&[node("a", 7, 0, 40), node("b", 7, 60_000, 40)]),
            None
        );
        assert!(judge(&[node("a", 7, 0, 40), node("b", 7, 0, 40)]).is_some());
        let other = Rollout {
            id: "2".to_owned(),
            ..rollout()
        };
        let nodes = [node("a", 7, 0, 90)];
        assert_eq!(verdict(&MARGINS, &other, &heads(), &nodes), None);
    }
}
