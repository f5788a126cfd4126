//! Metrics of the shop's port.

use prometheus::proto::{Metric, MetricFamily};

use super::families::{counter, durations, gauge, label, labels, single, time};
use crate::admin::AdminState;
use crate::telemetry::RouteStats;

pub(super) fn families(state: &AdminState) -> Vec<MetricFamily> {
    let mut families = traffic(state);
    families.push(certificate_expiry(state));
    families.push(refusals(state));
    families.extend(rate_limits(state));
    families
}

fn traffic(state: &AdminState) -> Vec<MetricFamily> {
    let traffic = &state.traffic;
    vec![
        durations(
            "http_server_request_duration_seconds",
            "How long requests took until the head of their reply, by route, method and class of status.",
            requests(state).into_iter(),
        ),
        gauge(
            "http_server_active_requests",
            "Requests that are being answered.",
            single(Some(traffic.active())),
        ),
        gauge(
            "http_server_open_connections",
            "Connections of clients that are open.",
            single(Some(traffic.connections())),
        ),
        counter(
            "edge_accept_failures_total",
            "Tries to accept a connection of a client that failed, such as for want of descriptors.",
            single(Some(traffic.accept_failures())),
        ),
    ]
}

fn certificate_expiry(state: &AdminState) -> MetricFamily {
    let certificate = state.certificate.as_ref();
    let expiry = certificate.and_then(|certificate| certificate.expires_at());
    #[expect(clippy::cast_precision_loss, reason = "Prometheus knows floats alone")]
    let expiry = expiry.map(|expiry| expiry as f64);
    time(
        "edge_tls_certificate_expiry_timestamp_seconds",
        "When the first certificate of the chain that is shown expires, in seconds since 1970.",
        single(expiry),
    )
}

fn refusals(state: &AdminState) -> MetricFamily {
    let refused = state.traffic.refused();
    counter(
        "edge_http_refusals_total",
        "Requests that the host refused by itself, or whose plugin lacked a store, by the reason.",
        refused.map(|(reason, count)| (labels([("reason", reason)]), count)),
    )
}

fn rate_limits(state: &AdminState) -> [MetricFamily; 2] {
    let decisions = state.limiter.decisions();
    let (verdicts, fallbacks) = (decisions.verdicts(), decisions.fallbacks());
    [
        counter(
            "edge_rate_limit_decisions_total",
            "Requests that rate limits let pass or refused.",
            verdicts
                .into_iter()
                .map(|(decision, count)| (labels([("decision", decision)]), count)),
        ),
        counter(
            "edge_rate_limit_fallbacks_total",
            "Decisions without the Redis that nodes count in together: passed uncounted, or \
             counted by this node alone.",
            fallbacks
                .into_iter()
                .map(|(to, count)| (labels([("to", to)]), count)),
        ),
    ]
}

fn requests(state: &AdminState) -> Vec<Metric> {
    let serving = state.live.serving();
    let routes = serving.routes.iter();
    let mut metrics = Vec::new();
    for route in routes {
        route.stats.each(|release, stats| {
            metrics.extend(of_route(&route.path, release, stats));
        });
    }
    metrics.extend(of_route("", None, state.traffic.unrouted()));
    metrics
}

/// Returns the series of one route. Requests without a route have no label for
/// it, nor for a release.
fn of_route(route: &str, release: Option<&str>, stats: &RouteStats) -> Vec<Metric> {
    let series = stats.iter().map(|(method, class, timing)| {
        let mut labels = labels([
            ("http_request_method", method),
            ("http_response_status_class", class),
        ]);
        if !route.is_empty() {
            labels.push(label("http_route", route));
        }
        if let Some(release) = release {
            labels.push(label("release", release));
        }
        timing.metric(labels)
    });
    series.collect()
}
