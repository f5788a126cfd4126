//! Metrics of releases: requests, cost and occupancy.

use prometheus::proto::MetricFamily;

use super::families::{Labels, and, counter, durations, gauge, histogram, seconds};
use super::served::Served;
use crate::runtime::Occupancy;

pub(super) fn families(served: &[Served]) -> Vec<MetricFamily> {
    let mut families = work(served);
    families.extend(costs(served));
    families.extend(pool(served));
    families
}

/// Returns the metrics of requests and their outcomes.
fn work(served: &[Served]) -> Vec<MetricFamily> {
    vec![
        counter(
            "edge_plugin_requests_total",
            "Requests and calls of other plugins that a release answered, or failed to.",
            each(served, |served| served.stats().counts().0),
        ),
        counter(
            "edge_plugin_errors_total",
            "Those that failed by no fault of the client.",
            each(served, |served| served.stats().counts().1),
        ),
        counter(
            "edge_plugin_failures_total",
            "Those that gave no reply at all, by the reason.",
            served.iter().flat_map(reasons),
        ),
        durations(
            "edge_plugin_duration_seconds",
            "How long requests took in a release, waiting for an instance included.",
            served.iter().map(|served| {
                let stats = served.stats();
                histogram(served.labels(), &stats.sample(), stats.total_time())
            }),
        ),
        durations(
            "edge_plugin_queue_wait_seconds",
            "How long requests waited for an instance, those that had to.",
            served
                .iter()
                .map(|served| served.stats().waits().metric(served.labels())),
        ),
    ]
}

fn costs(served: &[Served]) -> Vec<MetricFamily> {
    vec![
        seconds(
            "edge_plugin_cpu_seconds_total",
            "Time that a release's instances were on a processor.",
            served
                .iter()
                .map(|served| (served.labels(), served.stats().cpu_time().as_secs_f64())),
        ),
        counter(
            "edge_plugin_background_requests_total",
            "Requests that computed for long, or whose like did, and gave way to others.",
            each(served, |served| served.stats().background()),
        ),
        gauge(
            "edge_plugin_memory_peak_bytes",
            "The most linear memory that one instance of a release has had.",
            each(served, |served| served.stats().peak_memory()),
        ),
        gauge(
            "edge_plugin_memory_limit_bytes",
            "The most that one may have.",
            each(served, |served| {
                served.release.manifest.limits.memory.as_u64()
            }),
        ),
        counter(
            "edge_plugin_instances_created_total",
            "Instances of a release that were made: its cold starts.",
            each(served, |served| served.stats().instances()),
        ),
    ]
}

fn pool(served: &[Served]) -> Vec<MetricFamily> {
    let of = |what: fn(Occupancy) -> usize| {
        each(served, move |served| {
            what(served.release.plugin.occupancy()) as u64
        })
    };
    vec![
        gauge(
            "edge_plugin_instances_limit",
            "Instances that a release may have at once.",
            of(|now| now.instances),
        ),
        gauge(
            "edge_plugin_instances_busy",
            "Instances that work.",
            of(|now| now.busy),
        ),
        gauge(
            "edge_plugin_queue_length",
            "Requests that wait for an instance.",
            of(|now| now.waiting),
        ),
        gauge(
            "edge_release_info",
            "The releases that serve.",
            served.iter().map(|served| (served.identity(), 1)),
        ),
    ]
}

fn each<'a>(
    served: &'a [Served],
    value: impl Fn(&Served) -> u64 + 'a,
) -> impl Iterator<Item = (Labels, u64)> + 'a {
    served
        .iter()
        .map(move |served| (served.labels(), value(served)))
}

fn reasons(served: &Served) -> impl Iterator<Item = (Labels, u64)> {
    let reasons = served.stats().reasons();
    reasons.map(|(reason, count)| (and(served.labels(), [("reason", reason)]), count))
}
