//! `edge status --wide`: a line for each release on each node.

use super::summary::canary_share;
use crate::admin::api::Status;
use crate::cli::output::format::latency;
use crate::cli::output::table::Table;
use crate::rollout::control::nodes::NodeRecord;
use crate::rollout::{PluginReport, ReleaseReport, State};

/// Returns the table of nodes and their releases.
pub(super) fn table(status: &Status) -> String {
    let headings = [
        "REGION", "NODE", "HOST", "PLUGIN", "RELEASE", "SHARE", "STATE", "REQ/S", "ERRORS", "P50",
        "P99",
    ];
    let mut table = Table::new(&headings);
    for node in &status.nodes {
        let of_node = node_cells(node);
        if node.report.plugins.is_empty() {
            table.row(of_node.into_iter().chain(["-".to_owned()]));
            continue;
        }
        for (plugin, report) in &node.report.plugins {
            for cells in plugin_rows(report, canary_share(status, plugin)) {
                let of_plugin = of_node.iter().chain([plugin]).cloned();
                table.row(of_plugin.chain(cells));
            }
        }
    }
    table.to_string()
}

/// Returns the region, the name and the version of a node.
fn node_cells(node: &NodeRecord) -> [String; 3] {
    let name = match node.is_live() {
        true => format!("{} {}", node.node, node.report.address),
        false => format!("{} {} (down)", node.node, node.report.address),
    };
    [node.region.clone(), name, node.report.version.clone()]
}

/// Returns the rows of a plugin: one for each of its releases, and one for a
/// plugin that has no active release.
fn plugin_rows(report: &PluginReport, canary_share: String) -> Vec<Vec<String>> {
    let releases = [
        (&report.active, "all".to_owned()),
        (&report.canary, canary_share),
    ];
    let mut rows: Vec<_> = releases
        .into_iter()
        .filter_map(|(release, share)| Some(release_cells(release.as_ref()?, share, report)))
        .collect();
    if report.active.is_none() {
        rows.push(vec!["-".to_owned(), "-".to_owned(), state(report)]);
    }
    rows
}

fn release_cells(release: &ReleaseReport, share: String, report: &PluginReport) -> Vec<String> {
    #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
    let errors = release.errors as f64 / release.requests.max(1) as f64 * 100.0;
    vec![
        format!("{} {}", release.version, release.digest.short()),
        share,
        state(report),
        format!("{:.1}", release.per_second),
        format!("{errors:.1}%"),
        latency(release.p50_us),
        latency(release.p99_us),
    ]
}

fn state(report: &PluginReport) -> String {
    match report.state {
        State::Serving => "serving".to_owned(),
        State::Preparing => "preparing".to_owned(),
        State::Failed => format!("failed: {}", report.reason),
        State::Other => "unknown to this version".to_owned(),
    }
}
