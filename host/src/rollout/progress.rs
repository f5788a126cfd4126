//! How far nodes have followed the release log, by what they report.

use super::control::log::Entry;
use super::control::nodes::NodeRecord;
use super::control::rollouts::Rollout;
use super::report::{PluginReport, State};

/// Whether a node serves what an entry of the log wants.
pub(super) enum Follows {
    Yes,
    No(String),
    NotYet,
}

pub(super) fn follows(report: Option<&PluginReport>, head: &Entry) -> Follows {
    let Some(report) = report else {
        // A plugin that was removed is not reported any more.
        return match head.wanted.active {
            None => Follows::Yes,
            Some(_) => Follows::NotYet,
        };
    };
    match report.state {
        _ if report.revision < head.revision => Follows::NotYet,
        State::Serving => Follows::Yes,
        State::Preparing | State::Other => Follows::NotYet,
        State::Failed => Follows::No(report.reason.clone()),
    }
}

/// The nodes of a region that do not serve what its last entry wants, and why.
pub(super) fn behind(rollout: &Rollout, head: &Entry, nodes: &[NodeRecord]) -> Vec<String> {
    let of_region = nodes
        .iter()
        .filter(|node| node.region == head.region && node.is_live());
    let behind = of_region.filter_map(|node| {
        let report = node.report.plugins.get(&rollout.plugin);
        match follows(report, head) {
            Follows::Yes => None,
            Follows::No(reason) => Some(format!("node {} ({reason})", node.node)),
            Follows::NotYet => Some(format!("node {}", node.node)),
        }
    });
    behind.collect()
}
