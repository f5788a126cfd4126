//! Health of a region during a rollout: which nodes follow the release log, by their reports, and
//! which are silent.

use std::time::Duration;

use crate::rollout::control::log::Entry;
use crate::rollout::control::nodes::NodeRecord;
use crate::rollout::control::rollouts::{MaxUnavailable, Rollout, RolloutRegion};
use crate::rollout::report::{PluginReport, State};

/// Time limit for a live node to serve or reject a release.
pub(in crate::rollout) const LONGEST: Duration = Duration::from_secs(150);

/// Age of the last report beyond which a rollout counts a node as lost. From
/// [`SILENCE`](crate::rollout::control::nodes::SILENCE) on, the rollout waits for the node.
pub(super) const LOST: Duration = Duration::from_secs(12);

/// State of a node in relation to an entry of the log.
pub(in crate::rollout) enum Follows {
    Yes,
    No(String),
    /// The node does not serve the entry yet, for the reason in its report, which may be empty.
    NotYet(String),
}

/// Health of a region's nodes in relation to the region's last log entry.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::rollout) enum Health {
    /// Every node that has to serve the entry does.
    Healthy,
    /// No node serves the entry, and none has to: the region has no nodes and had none when the
    /// rollout began, or all of them may be unavailable.
    NoNodes,
    /// All nodes have left in order, and no other has joined yet.
    AllLeft,
    /// Some node does not serve the entry yet, or is silent but not yet lost.
    Wait,
    /// Some node cannot serve the entry, or too many nodes are lost. The text says which.
    Failed(String),
}

/// The inputs of a region's health.
pub(super) struct View<'a> {
    pub rollout: &'a Rollout,
    pub head: &'a Entry,
    pub row: &'a RolloutRegion,
    /// Last reports of the nodes of all regions.
    pub nodes: &'a [NodeRecord],
    /// Time for which reports were read without a gap. A node that was silent while no reports
    /// could be read is not lost.
    pub observed: Duration,
}

pub(in crate::rollout) fn follows(report: Option<&PluginReport>, head: &Entry) -> Follows {
    let Some(report) = report else {
        // Nodes no longer report a plugin that was removed.
        return match head.wanted.active {
            None => Follows::Yes,
            Some(_) => Follows::NotYet(String::new()),
        };
    };
    match report.state {
        _ if report.revision < head.revision => Follows::NotYet(String::new()),
        State::Serving => Follows::Yes,
        // A transient failure, such as a store that does not answer, says nothing about the
        // release.
        State::Failed if !report.transient => Follows::No(report.reason.clone()),
        State::Preparing | State::Other | State::Failed => Follows::NotYet(report.reason.clone()),
    }
}

/// Returns the health of a region's nodes in relation to the region's last log entry.
pub(super) fn health(view: &View<'_>) -> Health {
    let live = match live(view) {
        Ok(live) => live,
        Err(reason) => return Health::Failed(reason),
    };
    let silent = silent(view);
    let most = view.row.max_unavailable;
    if !most.allows(silent.len()) {
        return too_many(view, &silent);
    }
    if live.waits {
        return Health::Wait;
    }
    if live.serve > 0 {
        return Health::Healthy;
    }
    let had_none = view.row.nodes.is_empty() && silent.is_empty();
    match (had_none || most == MaxUnavailable::Any, silent.is_empty()) {
        (true, _) => Health::NoNodes,
        (false, true) => Health::AllLeft,
        (false, false) if view.observed < LOST => Health::Wait,
        (false, false) => Health::Failed("none of its nodes is heard of any more".to_owned()),
    }
}

/// Summary of the reports of a region's live nodes.
#[derive(Default)]
struct LiveNodes {
    serve: usize,
    waits: bool,
}

/// Returns how many live nodes of the region serve the release and whether some are still preparing
/// it, or why a node that cannot serve it fails the region. If any number of nodes may be
/// unavailable, no node fails the region.
fn live(view: &View<'_>) -> Result<LiveNodes, String> {
    let head = view.head;
    let is_overdue = head.age() > LONGEST && view.observed > LONGEST;
    let may_lack = view.row.max_unavailable == MaxUnavailable::Any;
    let mut found = LiveNodes::default();
    let of_region = view
        .nodes
        .iter()
        .filter(|node| node.region == head.region && node.is_live());
    for node in of_region {
        let name = &node.node;
        match follows(node.report.plugins.get(&view.rollout.plugin), head) {
            Follows::Yes => found.serve += 1,
            Follows::No(_) if may_lack => {}
            Follows::No(reason) => return Err(format!("node {name}: {reason}")),
            Follows::NotYet(_) if !is_overdue => found.waits = true,
            Follows::NotYet(reason) if view.row.nodes.contains(name) && !may_lack => {
                let limit = LONGEST.as_secs();
                let reason = after_colon(&reason);
                return Err(format!("node {name} was not ready in {limit} s{reason}"));
            }
            // A node that joined later must not block the rollout for ever.
            Follows::NotYet(_) => {}
        }
    }
    Ok(found)
}

fn after_colon(reason: &str) -> String {
    match reason {
        "" => String::new(),
        reason => format!(": {reason}"),
    }
}

/// Returns the silent nodes of the region that are expected: those that the region began with, and
/// those that joined later and then fell silent.
fn silent<'a>(view: &View<'a>) -> Vec<&'a NodeRecord> {
    let (head, row) = (view.head, view.row);
    // The region may have run this release before the rollout began.
    let rollout_age = head.written_at + head.age_ms - view.rollout.started_at;
    let began = head.age_ms.min(rollout_age);
    let silent = view.nodes.iter().filter(|node| {
        let joined_later = node.age_ms < began;
        node.region == head.region
            && !node.is_live()
            && (joined_later || row.nodes.contains(&node.node))
    });
    silent.collect()
}

fn too_many(view: &View<'_>, silent: &[&NodeRecord]) -> Health {
    let lost: Vec<_> = silent.iter().filter(|node| node.age() > LOST).collect();
    if view.observed < LOST || view.row.max_unavailable.allows(lost.len()) {
        return Health::Wait;
    }
    let names: Vec<_> = lost.iter().map(|node| node.node.as_str()).collect();
    let age = lost.iter().map(|node| node.age()).max().unwrap_or_default();
    Health::Failed(format!(
        "not heard of for {} s: node {}",
        age.as_secs(),
        names.join(", node ")
    ))
}

/// Returns the live nodes of a region that do not serve its last entry, each with the reason if it
/// reports one.
pub(in crate::rollout) fn behind(
    rollout: &Rollout,
    head: &Entry,
    nodes: &[NodeRecord],
) -> Vec<String> {
    let of_region = nodes
        .iter()
        .filter(|node| node.region == head.region && node.is_live());
    let behind = of_region.filter_map(|node| {
        let report = node.report.plugins.get(&rollout.plugin);
        match follows(report, head) {
            Follows::Yes => None,
            Follows::No(reason) | Follows::NotYet(reason) if !reason.is_empty() => {
                Some(format!("node {} ({reason})", node.node))
            }
            Follows::No(_) | Follows::NotYet(_) => Some(format!("node {}", node.node)),
        }
    });
    behind.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bundle::Digest;

    use super::*;
    use crate::rollout::control::log::Wanted;
    use crate::rollout::control::rollouts::Phase;
    use crate::rollout::report::Report;

    const WRITTEN: i64 = 200_000;

    fn rollout() -> Rollout {
        Rollout {
            id: "1".to_owned(),
            plugin: "hello".to_owned(),
            digest: Some(Digest::of(b"new")),
            regions: vec!["here".to_owned()],
            canary_percent: 0,
            pause_ms: 0,
            phase: Phase::Running,
            reason: String::new(),
            author: "tester".to_owned(),
            started_at: 0,
            changed_at: 0,
        }
    }

    fn head(age_ms: i64) -> Entry {
        Entry {
            region: "here".to_owned(),
            plugin: "hello".to_owned(),
            revision: 7,
            wanted: Wanted::only(Some(Digest::of(b"new"))),
            rollout: "1".to_owned(),
            author: "tester".to_owned(),
            reason: String::new(),
            written_at: 0,
            age_ms,
        }
    }

    fn row(nodes: &[&str], max_unavailable: MaxUnavailable) -> RolloutRegion {
        RolloutRegion {
            region: "here".to_owned(),
            revision: 7,
            nodes: nodes.iter().map(|node| (*node).to_owned()).collect(),
            max_unavailable,
            healthy_ms: 0,
            observed_at: 0,
            observed_ago_ms: 0,
            failed: false,
        }
    }

    fn node(name: &str, state: State, age_ms: i64) -> NodeRecord {
        let plugin = PluginReport {
            revision: 7,
            state,
            reason: "it is sick".to_owned(),
            for_ms: 0,
            transient: false,
            active: None,
            canary: None,
            before: None,
            trial: None,
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

    /// Returns the health of a region that began with the nodes `a` and `b` and was observed for
    /// 500 s.
    fn of_two(most: MaxUnavailable, nodes: &[NodeRecord]) -> Health {
        health_of(&row(&["a", "b"], most), nodes, Duration::from_secs(500))
    }

    fn health_of(row: &RolloutRegion, nodes: &[NodeRecord], observed: Duration) -> Health {
        health(&View {
            rollout: &rollout(),
            head: &head(WRITTEN),
            row,
            nodes,
            observed,
        })
    }

    const NONE: MaxUnavailable = MaxUnavailable::Nodes(0);
    const ONE: MaxUnavailable = MaxUnavailable::Nodes(1);

    #[test]
    fn a_silent_node_is_waited_for_and_fails_the_region_once_it_is_lost() {
        let with = |age| [node("a", State::Serving, 0), node("b", State::Serving, age)];
        assert_eq!(of_two(NONE, &with(0)), Health::Healthy);
        assert_eq!(of_two(NONE, &with(7_000)), Health::Wait);
        let Health::Failed(reason) = of_two(NONE, &with(13_000)) else {
            panic!("a region passes without one of its nodes");
        };
        assert!(reason.contains("13 s: node b"), "{reason}");
        assert_eq!(of_two(ONE, &with(13_000)), Health::Healthy);
    }

    #[test]
    fn nobody_is_lost_while_nobody_could_be_heard() {
        let nodes = [
            node("a", State::Serving, 0),
            node("b", State::Serving, 60_000),
        ];
        let row = row(&["a", "b"], NONE);
        let observed = |seconds| health_of(&row, &nodes, Duration::from_secs(seconds));
        assert_eq!(observed(11), Health::Wait);
        assert!(matches!(observed(12), Health::Failed(_)));
    }

    #[test]
    fn a_node_that_left_in_order_is_not_missed_if_another_serves() {
        assert_eq!(
            of_two(NONE, &[node("a", State::Serving, 0)]),
            Health::Healthy
        );
        assert_eq!(
            of_two(NONE, &[node("c", State::Serving, 0)]),
            Health::Healthy
        );
        assert_eq!(of_two(NONE, &[]), Health::AllLeft);
    }

    #[test]
    fn a_region_that_lost_all_its_nodes_does_not_pass() {
        let lost = |name| node(name, State::Serving, 60_000);
        let both = MaxUnavailable::Nodes(2);
        assert!(matches!(
            of_two(both, &[lost("a"), lost("b")]),
            Health::Failed(_)
        ));
        // A release that crashes nodes must be revertible in spite of that.
        let any = MaxUnavailable::Any;
        assert_eq!(of_two(any, &[lost("a"), lost("b")]), Health::NoNodes);
    }

    #[test]
    fn a_region_without_nodes_is_not_waited_for_and_does_not_serve() {
        let row = row(&[], NONE);
        let observed = Duration::from_secs(500);
        assert_eq!(health_of(&row, &[], observed), Health::NoNodes);
        // The node was dead before the rollout began.
        let dead = node("a", State::Serving, WRITTEN + 1);
        assert_eq!(health_of(&row, &[dead], observed), Health::NoNodes);
    }

    #[test]
    fn a_node_that_joins_has_to_follow_but_holds_up_nobody_for_ever() {
        let joined = |state, age| {
            let nodes = [
                node("a", State::Serving, 0),
                node("b", State::Serving, 0),
                node("c", state, age),
            ];
            let row = row(&["a", "b"], NONE);
            let seen = |seconds| health_of(&row, &nodes, Duration::from_secs(seconds));
            (seen(100), seen(200))
        };
        let (soon, late) = joined(State::Preparing, 0);
        assert_eq!((soon, late), (Health::Wait, Health::Healthy));
        assert!(matches!(joined(State::Failed, 0).0, Health::Failed(_)));
        // A node that joined and crashes with the release counts like the others.
        assert!(matches!(
            joined(State::Serving, 60_000).0,
            Health::Failed(_)
        ));
        assert_eq!(joined(State::Serving, WRITTEN + 1).0, Health::Healthy);
    }

    #[test]
    fn a_node_of_the_beginning_has_to_be_ready_in_time() {
        let nodes = [node("a", State::Preparing, 0), node("b", State::Serving, 0)];
        let Health::Failed(reason) = of_two(ONE, &nodes) else {
            panic!("a region passes that is not ready");
        };
        assert!(reason.contains("node a was not ready in 150 s"), "{reason}");
        let nodes = [node("a", State::Failed, 0), node("b", State::Serving, 0)];
        let Health::Failed(reason) = of_two(ONE, &nodes) else {
            panic!("a sick node is not a node that is down");
        };
        assert!(reason.contains("it is sick"), "{reason}");
    }

    /// Returns a node whose release failed because a store does not answer.
    fn without_store(name: &str) -> NodeRecord {
        let mut node = node(name, State::Failed, 0);
        let report = node.report.plugins.get_mut("hello");
        report.expect("the report").transient = true;
        node
    }

    #[test]
    fn a_rollback_is_not_taken_back_by_nodes_that_cannot_follow() {
        let any = MaxUnavailable::Any;
        let failed = node("a", State::Failed, 0);
        let overdue = node("a", State::Preparing, 0);
        for unable in [failed, overdue, without_store("a")] {
            let nodes = [unable.clone(), node("b", State::Serving, 0)];
            assert_eq!(of_two(any, &nodes), Health::Healthy);
            // No node of the region can serve the release.
            assert_eq!(of_two(any, &[unable]), Health::NoNodes);
        }
        let nodes = [node("a", State::Failed, 0), node("b", State::Serving, 0)];
        let named = behind(&rollout(), &head(0), &nodes);
        assert_eq!(named, ["node a (it is sick)"]);
    }

    #[test]
    fn a_store_that_does_not_answer_fails_no_region_before_its_time() {
        let nodes = [without_store("a"), node("b", State::Serving, 0)];
        let row = row(&["a", "b"], NONE);
        let soon = health_of(&row, &nodes, Duration::from_secs(100));
        assert_eq!(soon, Health::Wait);
        let Health::Failed(reason) = of_two(NONE, &nodes) else {
            panic!("a region passes that is not ready");
        };
        assert!(
            reason.contains("not ready in 150 s: it is sick"),
            "{reason}"
        );
    }
}
