//! Health of a region during a rollout: which nodes follow the release log, by their reports, and
//! which are silent.

use std::time::Duration;

use crate::rollout::control::log::Entry;
use crate::rollout::control::nodes::NodeRecord;
use crate::rollout::control::rollouts::{MaxUnavailable, Rollout, RolloutRegion};
use crate::rollout::report::{PluginReport, State};

/// Time limit for a live node to serve or reject a release.
pub(in crate::rollout) const READY_TIMEOUT: Duration = Duration::from_secs(150);

/// Age of the last report beyond which a rollout counts a node as lost. From
/// [`SILENCE`](crate::rollout::control::nodes::SILENCE) on, the rollout waits for the node.
pub(super) const LOST_AFTER: Duration = Duration::from_secs(12);

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
        return match head.desired.active {
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
        (false, false) if view.observed < LOST_AFTER => Health::Wait,
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
    let is_overdue = head.age() > READY_TIMEOUT && view.observed > READY_TIMEOUT;
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
                let limit = READY_TIMEOUT.as_secs();
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
    let lost: Vec<_> = silent
        .iter()
        .filter(|node| node.age() > LOST_AFTER)
        .collect();
    if view.observed < LOST_AFTER || view.row.max_unavailable.allows(lost.len()) {
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
mod tests;
