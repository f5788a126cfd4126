//! Metrics of databases and key-value stores, as plugins use them.

use prometheus::proto::{Metric, MetricFamily};
use stores::sql::Connections;

use super::families::{Labels, and, durations, gauge, labels};
use super::served::Served;
use crate::guest::Interface;

pub(super) fn families(served: &[Served]) -> Vec<MetricFamily> {
    vec![
        durations(
            "db_client_operation_duration_seconds",
            "How long a release's operations on its database and its buckets took, by the outcome.",
            served.iter().flat_map(operations),
        ),
        gauge(
            "db_client_connections",
            "Connections of a release's pool, by whether they work.",
            served.iter().flat_map(|served| {
                each(served, |now| vec![("used", now.used), ("idle", now.idle)])
            }),
        ),
        gauge(
            "db_client_connections_pending_requests",
            "Requests that wait for a connection of a release's pool.",
            served.iter().filter_map(|served| {
                let database = served.release.database.as_ref()?;
                let labels = and(served.labels(), [("db_system_name", database.system())]);
                Some((labels, database.connections().waiting as u64))
            }),
        ),
        gauge(
            "db_client_connections_max",
            "Connections that the pool may have.",
            served.iter().filter_map(|served| {
                let database = served.release.database.as_ref()?;
                let labels = and(served.labels(), [("db_system_name", database.system())]);
                Some((labels, database.connections().most as u64))
            }),
        ),
    ]
}

fn each(
    served: &Served,
    states: fn(Connections) -> Vec<(&'static str, usize)>,
) -> Vec<(Labels, u64)> {
    let Some(database) = &served.release.database else {
        return Vec::new();
    };
    let states = states(database.connections()).into_iter();
    let series = states.map(|(state, count)| {
        let more = [("db_system_name", database.system()), ("state", state)];
        (and(served.labels(), more), count as u64)
    });
    series.collect()
}

fn operations(served: &Served) -> Vec<Metric> {
    let database = served.release.database.as_ref();
    let sql = database.map_or("", |database| database.system());
    let keyvalue = served.release.plugin.keyvalue_system();
    let is_store = |room| matches!(room, Interface::Sql | Interface::Keyvalue);
    let metrics = served.operations(is_store, |operation| {
        let system = match operation.interface() {
            Interface::Sql => sql,
            _ => keyvalue,
        };
        labels([
            ("db_system_name", system),
            ("db_operation_name", operation.name()),
        ])
    });
    metrics.collect()
}
