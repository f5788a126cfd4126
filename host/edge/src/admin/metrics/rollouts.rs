//! Metrics of how the node follows the release log.

use prometheus::proto::MetricFamily;

use super::families::{Labels, counter, gauge, labels, single, time};
use crate::admin::AdminState;
use crate::rollout::Decision;

/// Returns the node's decisions about canaries, for every plugin that serves
/// here or whose rollouts it has led.
fn verdicts(office: &AdminState) -> Vec<(Labels, u64)> {
    let decisions = office.follower.decisions();
    let mut plugins = decisions.plugins();
    plugins.extend(office.live.serving().plugins.keys().cloned());
    let series = plugins.iter().flat_map(|plugin| {
        Decision::ALL.map(|decision| {
            let labels = labels([("plugin", plugin), ("verdict", decision.name())]);
            (labels, decisions.of(plugin, decision))
        })
    });
    series.collect()
}

/// Returns the share of every canary that serves here, in percent.
fn shares(office: &AdminState) -> Vec<(Labels, u64)> {
    let serving = office.live.serving();
    let trials = serving.plugins.iter().filter_map(|(plugin, deployed)| {
        let trial = deployed.canary.as_ref()?;
        let version = &*trial.release.version;
        let labels = labels([("plugin", &**plugin), ("version", version)]);
        Some((labels, trial.percent.into()))
    });
    trials.collect()
}

pub(super) fn families(office: &AdminState) -> Vec<MetricFamily> {
    let activity = office.follower.activity();
    let backlog = office.follower.backlog();
    let serving = office.live.serving();
    let mut missing: Vec<_> = serving
        .plugins
        .keys()
        .map(|plugin| (labels([("plugin", plugin)]), 0))
        .collect();
    let absent = office.follower.missing().into_iter();
    missing.extend(absent.map(|missing| (labels([("plugin", &missing.name)]), 1)));
    vec![
        counter(
            "edge_release_preparations_total",
            "Releases that this node made ready to serve, or failed to.",
            office
                .activator
                .preparations()
                .into_iter()
                .map(|(outcome, count)| (labels([("outcome", outcome)]), count)),
        ),
        counter(
            "edge_release_activations_total",
            "Releases that the log wants and that this node brought to serve, or failed to.",
            activity
                .activations()
                .into_iter()
                .map(|(outcome, count)| (labels([("outcome", outcome)]), count)),
        ),
        gauge(
            "edge_release_pending",
            "Plugins of which another release serves than the log wants, by what becomes of it.",
            [("preparing", backlog.preparing), ("failed", backlog.failed)]
                .into_iter()
                .map(|(state, count)| (labels([("state", state)]), count as u64)),
        ),
        gauge(
            "edge_plugin_missing",
            "Plugins that should serve on this node, none of whose releases does.",
            missing.into_iter(),
        ),
        counter(
            "edge_rollout_verdicts_total",
            "Verdicts on canaries that this node brought about, by plugin.",
            verdicts(office).into_iter(),
        ),
        gauge(
            "edge_canary_percent",
            "Of a hundred clients, so many meet the canary.",
            shares(office).into_iter(),
        ),
        gauge(
            "edge_node_ready",
            "Whether customers may be sent to this node, as far as its region's log decides it.",
            single(Some(u64::from(office.follower.readiness().get().ready))),
        ),
        counter(
            "edge_control_statements_total",
            "Statements that this node has sent to the control database.",
            single(Some(office.control.statements())),
        ),
        time(
            "edge_release_log_read_timestamp_seconds",
            "When this node last read the release log, in seconds since 1970.",
            single(activity.last_read().map(|read| read.as_secs_f64())),
        ),
    ]
}
