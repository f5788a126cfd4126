//! Metrics of host calls other than those to stores: identity, mail, rate
//! limits and outbound HTTP.

use prometheus::proto::MetricFamily;

use super::families::{Labels, durations, labels};
use super::served::Served;
use crate::guest::Interface;

pub(super) fn families(served: &[Served]) -> Vec<MetricFamily> {
    vec![
        durations(
            "http_client_request_duration_seconds",
            "How long a release's calls out took until the head of the reply, by the outcome.",
            served.iter().flat_map(|served| {
                served.operations(|room| room == Interface::Outbound, |_| Labels::new())
            }),
        ),
        durations(
            "edge_host_call_duration_seconds",
            "How long the host took over what a release asked of it, by interface and outcome.",
            served.iter().flat_map(|served| {
                served.operations(is_own, |operation| {
                    labels([
                        ("interface", operation.interface().name()),
                        ("operation", operation.name()),
                    ])
                })
            }),
        ),
    ]
}

fn is_own(room: Interface) -> bool {
    matches!(
        room,
        Interface::Identity | Interface::Mail | Interface::RateLimit
    )
}
