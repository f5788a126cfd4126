//! Warnings that `edge status` shows below its table.

use std::collections::BTreeSet;

use stores::clock::{MAX_SKEW, NOTED_SKEW, Skew};

use crate::admin::api::Status;
use crate::printable;
use crate::rollout::mismatch;

/// Returns the warnings about live nodes, and about the releases that they
/// serve.
pub(super) fn all(status: &Status) -> impl Iterator<Item = String> {
    let of_nodes = clock_warnings(status).chain(key_warnings(status));
    let of_nodes = of_nodes.chain(node_warnings(status));
    of_nodes.chain(release_warnings(status))
}

/// Returns warnings about live nodes whose clock differs much from the control
/// database's.
fn clock_warnings(status: &Status) -> impl Iterator<Item = String> {
    let live = status.nodes.iter().filter(|node| node.is_live());
    live.filter_map(|node| {
        let skew = Skew {
            milliseconds: node.report.clock_skew_ms?,
            error: 0,
        };
        let idle = match skew.exceeds(MAX_SKEW) {
            true => "; it does no periodic work",
            false => "",
        };
        skew.exceeds(NOTED_SKEW).then(|| {
            format!(
                "the clock of node {} is {skew} the control database's{idle}",
                node.node
            )
        })
    })
}

/// Returns warnings about live nodes that do not know each other's keys.
fn key_warnings(status: &Status) -> impl Iterator<Item = String> {
    let live = || status.nodes.iter().filter(|node| node.is_live());
    live().flat_map(move |node| live().filter_map(move |other| mismatch(node, other)))
}

/// Returns the warnings about releases on any live node, each once.
fn release_warnings(status: &Status) -> BTreeSet<String> {
    let live = status.nodes.iter().filter(|node| node.is_live());
    let plugins = live.flat_map(|node| &node.report.plugins);
    let lacking = plugins.flat_map(|(plugin, report)| {
        let releases = [&report.active, &report.canary].into_iter().flatten();
        let warnings = releases.flat_map(|release| &release.warnings);
        warnings.map(move |warning| format!("{plugin}: {warning}"))
    });
    lacking.collect()
}

/// Returns the warnings that live nodes report.
fn node_warnings(status: &Status) -> impl Iterator<Item = String> {
    let live = status.nodes.iter().filter(|node| node.is_live());
    live.flat_map(|node| {
        let warnings = node.report.warnings.iter();
        warnings.map(move |text| format!("node {}: {}", node.node, printable::line(text)))
    })
}
