use std::collections::BTreeMap;

use bundle::Digest;

use super::*;
use crate::rollout::control::log::DesiredState;
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
        desired: DesiredState::only(Some(Digest::of(b"new"))),
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
        comparison: None,
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
