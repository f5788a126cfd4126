//! Metrics of the circuit breakers of stores, and of the use of database
//! replicas.

use prometheus::proto::MetricFamily;
use stores::breaker::{Circuit, StoreHealth};

use super::families::{Labels, and, counter, gauge, labels};
use super::served::Served;
use crate::admin::AdminState;

pub(super) fn families(state: &AdminState, served: &[Served]) -> Vec<MetricFamily> {
    let stores: Vec<_> = of_plugins(served).chain(of_node(state)).collect();
    let each = |value: fn(StoreHealth) -> u64| {
        let stores = stores.iter();
        stores.map(move |(labels, health)| (labels.clone(), value(*health)))
    };
    vec![
        gauge(
            "edge_store_breaker_open",
            "Whether a store is left alone, since it does not answer.",
            each(|health| u64::from(health.circuit == Circuit::Open)),
        ),
        counter(
            "edge_store_breaker_openings_total",
            "How often that began.",
            each(|health| health.openings),
        ),
        counter(
            "edge_store_breaker_refusals_total",
            "Calls that were refused meanwhile.",
            each(|health| health.refusals),
        ),
        counter(
            "edge_database_replica_queries_total",
            "Queries for a replica, by what answered them: itself, or the primary where it did not.",
            served.iter().flat_map(replica),
        ),
    ]
}

/// Returns the health of the databases of releases, and of their replicas.
fn of_plugins(served: &[Served]) -> impl Iterator<Item = (Labels, StoreHealth)> {
    served.iter().flat_map(|served| {
        let database = served.release.database.as_ref();
        let primary = database.and_then(|database| database.health());
        let replica = database.and_then(|database| database.replica());
        let replica = replica.map(|usage| usage.health);
        [("database", primary), ("database-replica", replica)]
            .into_iter()
            .filter_map(|(store, health)| {
                let labels = and(served.labels(), [("store", store)]);
                Some((labels, health?))
            })
    })
}

/// Returns the health of the stores that the plugins of a node share.
fn of_node(state: &AdminState) -> impl Iterator<Item = (Labels, StoreHealth)> {
    let buckets = state
        .services
        .buckets_store()
        .and_then(|store| store.health());
    let limits = state.limiter.health();
    let stores = [("buckets", buckets), ("rate-limits", limits)].into_iter();
    stores.filter_map(|(store, health)| Some((labels([("store", store)]), health?)))
}

fn replica(served: &Served) -> Vec<(Labels, u64)> {
    let database = served.release.database.as_ref();
    let Some(usage) = database.and_then(|database| database.replica()) else {
        return Vec::new();
    };
    let counts = [("replica", usage.queries), ("primary", usage.failures)].into_iter();
    let series = counts.map(|(by, count)| (and(served.labels(), [("answered_by", by)]), count));
    series.collect()
}
