//! Metrics of how the node follows the release log.

use prometheus::proto::MetricFamily;

use super::families::{Labels, counter, gauge, labels, single, time};
use crate::admin::AdminState;
use crate::rollout::Decision;

pub(super) fn families(state: &AdminState) -> Vec<MetricFamily> {
    vec![
        preparations(state),
        activations(state),
        pending(state),
        missing(state),
        verdicts(state),
        canary_percent(state),
        ready(state),
        control_statements(state),
        log_read(state),
    ]
}

fn preparations(state: &AdminState) -> MetricFamily {
    counter(
        "edge_release_preparations_total",
        "Releases that this node made ready to serve, or failed to.",
        by_outcome(state.activator.preparations()),
    )
}

fn activations(state: &AdminState) -> MetricFamily {
    counter(
        "edge_release_activations_total",
        "Releases that the log wants and that this node brought to serve, or failed to.",
        by_outcome(state.reconciler.activity().activations()),
    )
}

fn by_outcome<'a>(
    counts: impl IntoIterator<Item = (&'a str, u64)>,
) -> impl Iterator<Item = (Labels, u64)> {
    let counts = counts.into_iter();
    counts.map(|(outcome, count)| (labels([("outcome", outcome)]), count))
}

fn pending(state: &AdminState) -> MetricFamily {
    let backlog = state.reconciler.backlog();
    let counts = [("preparing", backlog.preparing), ("failed", backlog.failed)].into_iter();
    gauge(
        "edge_release_pending",
        "Plugins of which another release serves than the log wants, by what becomes of it.",
        counts.map(|(state, count)| (labels([("state", state)]), count as u64)),
    )
}

fn missing(state: &AdminState) -> MetricFamily {
    let serving = state.live.serving();
    let present = serving.plugins.keys();
    let present = present.map(|plugin| (labels([("plugin", plugin)]), 0));
    let missing = state.reconciler.missing().into_iter();
    let missing = missing.map(|missing| (labels([("plugin", &missing.name)]), 1));
    gauge(
        "edge_plugin_missing",
        "Plugins that should serve on this node, none of whose releases does.",
        present.chain(missing),
    )
}

/// Returns the node's decisions about canaries, for every plugin that serves
/// here or whose rollouts it has led.
fn verdicts(state: &AdminState) -> MetricFamily {
    let decisions = state.reconciler.decisions();
    let mut plugins = decisions.plugins();
    plugins.extend(state.live.serving().plugins.keys().cloned());
    let series = plugins.iter().flat_map(|plugin| {
        Decision::ALL.map(|decision| {
            let labels = labels([("plugin", plugin), ("verdict", decision.name())]);
            (labels, decisions.of(plugin, decision))
        })
    });
    counter(
        "edge_rollout_verdicts_total",
        "Verdicts on canaries that this node brought about, by plugin.",
        series,
    )
}

/// Returns the share of every canary that serves here, in percent.
fn canary_percent(state: &AdminState) -> MetricFamily {
    let serving = state.live.serving();
    let shares = serving.plugins.iter().filter_map(|(plugin, active)| {
        let canary = active.canary.as_ref()?;
        let version = &*canary.release.version;
        let labels = labels([("plugin", &**plugin), ("version", version)]);
        Some((labels, canary.percent.into()))
    });
    gauge(
        "edge_canary_percent",
        "Of a hundred clients, so many meet the canary.",
        shares,
    )
}

fn ready(state: &AdminState) -> MetricFamily {
    gauge(
        "edge_node_ready",
        "Whether customers may be sent to this node, as far as its region's log decides it.",
        single(Some(u64::from(state.reconciler.readiness().get().ready))),
    )
}

fn control_statements(state: &AdminState) -> MetricFamily {
    counter(
        "edge_control_statements_total",
        "Statements that this node has sent to the control database.",
        single(Some(state.control.statements())),
    )
}

fn log_read(state: &AdminState) -> MetricFamily {
    let last_read = state.reconciler.activity().last_read();
    time(
        "edge_release_log_read_timestamp_seconds",
        "When this node last read the release log, in seconds since 1970.",
        single(last_read.map(|read| read.as_secs_f64())),
    )
}
