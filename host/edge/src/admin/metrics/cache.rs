//! Metrics of the cache of compiled code.

use prometheus::proto::MetricFamily;

use super::families::{counter, labels};
use crate::runtime::engine::artifacts::Artifacts;

pub(super) fn family(artifacts: &Artifacts) -> MetricFamily {
    let errors = artifacts.errors();
    counter(
        "edge_cache_errors_total",
        "Failures of the cache of compiled code, by the operation; the node serves all the same.",
        errors.map(|(operation, count)| (labels([("operation", operation)]), count)),
    )
}
