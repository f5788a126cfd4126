//! Metrics of all nodes together, reported by the node that leads.

use prometheus::proto::MetricFamily;

use super::families::{gauge, single, time};
use crate::admin::AdminState;

pub(super) fn families(state: &AdminState) -> Vec<MetricFamily> {
    let sample = state.fleet_health.sample();
    let of = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    vec![
        gauge(
            "edge_key_mismatches",
            "Pairs of live nodes of which one does not know a key that the other signs with.",
            single(sample.map(|sample| of(sample.key_mismatches))),
        ),
        gauge(
            "edge_nodes_refused",
            "Nodes that were refused for their keys within the last hour.",
            single(sample.map(|sample| sample.refused_nodes)),
        ),
        gauge(
            "edge_migrations_running",
            "Runs of migrations that go on.",
            single(sample.map(|sample| of(sample.running_migrations))),
        ),
        time(
            "edge_migration_progress_age_seconds",
            "The longest time for which a run of migrations has been at the same statement.",
            single(sample.map(|sample| sample.since_progress.as_secs_f64())),
        ),
        time(
            "edge_migration_report_age_seconds",
            "The longest time for which the node of a run of migrations has not reported.",
            single(sample.map(|sample| sample.since_report.as_secs_f64())),
        ),
        gauge(
            "edge_migrations_failed",
            "Plugins whose last run of migrations in a database failed, within a week.",
            single(sample.map(|sample| sample.failed_migrations)),
        ),
    ]
}
