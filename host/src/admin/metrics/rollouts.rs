//! How the node follows the release log.

use prometheus::proto::MetricFamily;

use super::families::{counter, gauge, labels, single, time};
use crate::admin::Office;

pub(super) fn families(office: &Office) -> Vec<MetricFamily> {
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
        time(
            "edge_release_log_read_timestamp_seconds",
            "When this node last read the release log, in seconds since 1970.",
            single(activity.last_read().map(|read| read.as_secs_f64())),
        ),
    ]
}
