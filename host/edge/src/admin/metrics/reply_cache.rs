//! Metrics of the replies that a node keeps.

use prometheus::proto::MetricFamily;

use super::families::{Labels, counter, gauge, label, labels, single};
use crate::admin::AdminState;

pub(super) fn families(state: &AdminState) -> Vec<MetricFamily> {
    let Some(cache) = &state.reply_cache else {
        return Vec::new();
    };
    let (bytes, most) = cache.bytes();
    vec![
        counter(
            "edge_reply_cache_requests_total",
            "Requests to cached routes, by route and by what the cache did for them.",
            requests(state).into_iter(),
        ),
        gauge(
            "edge_reply_cache_bytes",
            "Size of the replies that are kept, in bytes.",
            single(Some(bytes)),
        ),
        gauge(
            "edge_reply_cache_max_bytes",
            "Most bytes of replies that are kept: the setting `reply_cache`.",
            single(Some(most)),
        ),
    ]
}

fn requests(state: &AdminState) -> Vec<(Labels, u64)> {
    let serving = state.live.serving();
    let mut series = Vec::new();
    for route in serving.routes.iter() {
        route.stats.each(|release, stats| {
            for (result, count) in stats.cache().iter() {
                let mut labels = labels([("http_route", &*route.path), ("result", result.name())]);
                if let Some(release) = release {
                    labels.push(label("release", release));
                }
                series.push((labels, count));
            }
        });
    }
    series
}
