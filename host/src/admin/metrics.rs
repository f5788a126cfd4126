//! What Prometheus scrapes: this node's plugins, and the process.
//!
//! Everything is read from counters when it is asked for, so requests pay for
//! nothing but the counting. Names follow Prometheus: base units, `_total` for
//! what only grows, and no label that clients choose. A release's series begin
//! with it and end with it.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};
use prometheus::{TEXT_FORMAT, TextEncoder};

use super::Office;
use super::error::{Refusal, Result};
use crate::rollout::Release;

/// Upper bounds of the histogram's buckets, in microseconds: those that
/// OpenTelemetry recommends for `http.server.request.duration`, and finer ones
/// below, where a plugin's own time is.
const BUCKETS: [u64; 16] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 75_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000,
];

/// GET `/metrics`
pub(super) async fn show(State(office): State<Arc<Office>>) -> Result<impl IntoResponse> {
    let mut families = of_plugins(&office);
    families.extend(of_process());
    let encoded = TextEncoder::new().encode_to_string(&families);
    let text = encoded
        .map_err(|error| Refusal::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, error))?;
    Ok(([(CONTENT_TYPE, TEXT_FORMAT)], text))
}

/// A release that serves.
struct Served {
    release: Arc<Release>,
    role: &'static str,
}

fn of_plugins(office: &Office) -> Vec<MetricFamily> {
    let plugins: Vec<_> = office.live.serving().plugins.values().cloned().collect();
    let mut served = Vec::new();
    for plugin in &plugins {
        let trial = plugin.trial.as_ref();
        served.push(Served {
            release: plugin.active.clone(),
            role: "active",
        });
        served.extend(trial.map(|trial| Served {
            release: trial.release.clone(),
            role: "canary",
        }));
    }
    vec![
        counter(
            "edge_plugin_requests_total",
            "Requests and calls of other plugins that a release answered, or failed to.",
            served
                .iter()
                .map(|served| (served.labels(), served.release.plugin.stats().counts().0)),
        ),
        counter(
            "edge_plugin_errors_total",
            "Those that failed by no fault of the client.",
            served
                .iter()
                .map(|served| (served.labels(), served.release.plugin.stats().counts().1)),
        ),
        counter(
            "edge_plugin_failures_total",
            "Those that gave no reply at all, by the reason.",
            served.iter().flat_map(Served::reasons),
        ),
        family(
            "edge_plugin_duration_seconds",
            "How long requests took in a release, waiting for an instance included.",
            MetricType::HISTOGRAM,
            served.iter().map(Served::durations).collect(),
        ),
        gauge(
            "edge_plugin_instances_limit",
            "Instances that a release may have at once.",
            served
                .iter()
                .map(|served| (served.labels(), served.release.plugin.occupancy().instances)),
        ),
        gauge(
            "edge_plugin_instances_busy",
            "Instances that work.",
            served
                .iter()
                .map(|served| (served.labels(), served.release.plugin.occupancy().busy)),
        ),
        gauge(
            "edge_plugin_queue_length",
            "Requests that wait for an instance.",
            served
                .iter()
                .map(|served| (served.labels(), served.release.plugin.occupancy().waiting)),
        ),
        gauge(
            "edge_release_info",
            "The releases that serve.",
            served.iter().map(|served| (served.identity(), 1)),
        ),
    ]
}

impl Served {
    fn labels(&self) -> Vec<LabelPair> {
        let manifest = &self.release.manifest;
        labels([
            ("plugin", &*manifest.name),
            ("version", &*self.release.version),
            ("role", self.role),
        ])
    }

    fn identity(&self) -> Vec<LabelPair> {
        let mut labels = self.labels();
        labels.push(label("digest", &self.release.digest.to_string()));
        labels
    }

    fn reasons(&self) -> impl Iterator<Item = (Vec<LabelPair>, u64)> {
        self.release
            .plugin
            .stats()
            .reasons()
            .map(|(reason, count)| {
                let mut labels = self.labels();
                labels.push(label("reason", reason));
                (labels, count)
            })
    }

    fn durations(&self) -> Metric {
        let stats = self.release.plugin.stats();
        let sample = stats.sample();
        let buckets = BUCKETS.map(|micros| {
            let bound = Duration::from_micros(micros);
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(bound.as_secs_f64());
            bucket.set_cumulative_count(sample.within(bound));
            bucket
        });
        let mut histogram = Histogram::default();
        histogram.set_bucket(buckets.to_vec());
        histogram.set_sample_count(sample.requests);
        histogram.set_sample_sum(stats.total_time().as_secs_f64());
        let mut metric = Metric::from_label(self.labels());
        metric.set_histogram(histogram);
        metric
    }
}

/// Under the names that every client library of Prometheus uses.
fn of_process() -> Vec<MetricFamily> {
    let memory = fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| {
            let pages: usize = text.split(' ').nth(1)?.parse().ok()?;
            Some(pages * rustix::param::page_size())
        });
    let descriptors = fs::read_dir("/proc/self/fd").ok().map(Iterator::count);
    let single = |value: Option<usize>| value.into_iter().map(|value| (Vec::new(), value));
    vec![
        gauge(
            "process_resident_memory_bytes",
            "Memory of the process that is resident.",
            single(memory),
        ),
        gauge(
            "process_open_fds",
            "Descriptors that the process has open.",
            single(descriptors),
        ),
        gauge(
            "edge_build_info",
            "The host.",
            [(labels([("version", env!("CARGO_PKG_VERSION"))]), 1)].into_iter(),
        ),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows floats alone")]
fn counter(
    name: &str,
    help: &str,
    values: impl Iterator<Item = (Vec<LabelPair>, u64)>,
) -> MetricFamily {
    let metrics = values.map(|(labels, value)| {
        let mut counter = Counter::default();
        counter.set_value(value as f64);
        let mut metric = Metric::from_label(labels);
        metric.set_counter(counter);
        metric
    });
    family(name, help, MetricType::COUNTER, metrics.collect())
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows floats alone")]
fn gauge(
    name: &str,
    help: &str,
    values: impl Iterator<Item = (Vec<LabelPair>, usize)>,
) -> MetricFamily {
    let metrics = values.map(|(labels, value)| {
        let mut gauge = Gauge::default();
        gauge.set_value(value as f64);
        let mut metric = Metric::from_label(labels);
        metric.set_gauge(gauge);
        metric
    });
    family(name, help, MetricType::GAUGE, metrics.collect())
}

fn family(name: &str, help: &str, kind: MetricType, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

fn labels<const N: usize>(pairs: [(&str, &str); N]) -> Vec<LabelPair> {
    pairs
        .iter()
        .map(|(name, value)| label(name, value))
        .collect()
}

fn label(name: &str, value: &str) -> LabelPair {
    let mut label = LabelPair::default();
    label.set_name(name.to_owned());
    label.set_value(value.to_owned());
    label
}
