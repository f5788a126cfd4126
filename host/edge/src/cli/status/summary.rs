//! `edge status` without `--wide`: a line for each release of each region,
//! however many nodes serve it, and a line for each problem.

use std::collections::{BTreeMap, BTreeSet};

use crate::admin::api::Status;
use crate::cli::output::format::latency;
use crate::cli::output::table::Table;
use crate::printable;
use crate::rollout::control::nodes::NodeRecord;
use crate::rollout::{PluginReport, ReleaseReport, State};

/// Key of a line: region, plugin, whether it is the canary, version and digest.
type Key = (String, String, bool, String);

/// Combined reports of a region's nodes about one release.
#[derive(Default)]
struct Line {
    share: String,
    nodes: usize,
    requests: u64,
    errors: u64,
    per_second: f64,
    p50_us: u64,
    p99_us: u64,
}

impl Line {
    fn add(&mut self, release: &ReleaseReport) {
        self.nodes += 1;
        self.requests += release.requests;
        self.errors += release.errors;
        self.per_second += release.per_second;
        self.p50_us = self.p50_us.max(release.p50_us);
        self.p99_us = self.p99_us.max(release.p99_us);
    }
}

/// Returns the table and the problems; latencies are those of the slowest node.
pub(super) fn text(status: &Status) -> String {
    let live: Vec<_> = status.nodes.iter().filter(|node| node.is_live()).collect();
    let mut of_region: BTreeMap<&str, usize> = BTreeMap::new();
    for node in &live {
        *of_region.entry(&node.region).or_default() += 1;
    }
    let headings = [
        "REGION", "PLUGIN", "RELEASE", "SHARE", "NODES", "REQ/S", "ERRORS", "P50", "P99",
    ];
    let mut table = Table::new(&headings);
    for ((region, plugin, _, release), line) in lines(status, &live) {
        let all = of_region.get(region.as_str()).copied().unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
        let errors = line.errors as f64 / line.requests.max(1) as f64 * 100.0;
        table.row([
            region,
            plugin,
            release,
            line.share,
            format!("{}/{all}", line.nodes),
            format!("{:.1}", line.per_second),
            format!("{errors:.1}%"),
            latency(line.p50_us),
            latency(line.p99_us),
        ]);
    }
    let mut text = table.to_string();
    text += &format!("\n{}\n", nodes_line(&live, &of_region));
    for problem in problems(status) {
        text += &format!("{}\n", printable::line(&problem));
    }
    text
}

/// Returns the share of the clients that get the canary of `plugin`.
pub(super) fn canary_share(status: &Status, plugin: &str) -> String {
    let rollout = status
        .rollouts
        .iter()
        .find(|rollout| rollout.plugin == plugin);
    rollout.map_or("canary".to_owned(), |rollout| {
        format!("{}%", rollout.canary_percent)
    })
}

fn lines(status: &Status, live: &[&NodeRecord]) -> BTreeMap<Key, Line> {
    let mut lines: BTreeMap<Key, Line> = BTreeMap::new();
    for node in live {
        for (plugin, report) in &node.report.plugins {
            let releases = [(false, &report.active), (true, &report.canary)];
            for (is_canary, release) in releases {
                let Some(release) = release else { continue };
                let name = format!("{} {}", release.version, release.digest.short());
                let key = (node.region.clone(), plugin.clone(), is_canary, name);
                let line = lines.entry(key).or_default();
                line.add(release);
                line.share = match is_canary {
                    true => canary_share(status, plugin),
                    false => "all".to_owned(),
                };
            }
        }
    }
    lines
}

/// Returns a line with the number of nodes by region and the versions of their
/// hosts.
fn nodes_line(live: &[&NodeRecord], of_region: &BTreeMap<&str, usize>) -> String {
    let regions: Vec<_> = of_region
        .iter()
        .map(|(region, nodes)| format!("{region} {nodes}"))
        .collect();
    let hosts: BTreeSet<_> = live
        .iter()
        .map(|node| node.report.version.as_str())
        .collect();
    let hosts: Vec<_> = hosts.into_iter().collect();
    let line = format!(
        "nodes: {}; host {}",
        regions.join(", "),
        hosts.join(" and ")
    );
    printable::line(&line).into_owned()
}

/// Returns a line for each node that is down, and for each plugin that is not
/// in the state that the release log asks for.
fn problems(status: &Status) -> Vec<String> {
    let mut problems = Vec::new();
    for node in &status.nodes {
        let name = format!("{} {} {}", node.region, node.node, node.report.address);
        if !node.is_live() {
            let age = std::time::Duration::from_secs(node.age_ms.unsigned_abs() / 1000);
            let age = humantime::format_duration(age);
            problems.push(format!("down: {name}, last heard of {age} ago"));
            continue;
        }
        for (plugin, report) in &node.report.plugins {
            problems.extend(trouble(report).map(|it| format!("{name}: {plugin} {it}")));
        }
    }
    problems
}

fn trouble(report: &PluginReport) -> Option<String> {
    match report.state {
        State::Serving => None,
        State::Preparing => Some("is made ready".to_owned()),
        State::Failed => Some(format!("failed: {}", report.reason)),
        State::Other => Some("is in a state unknown to this version".to_owned()),
    }
}
