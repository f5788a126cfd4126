//! Constructors of Prometheus metric families.

use std::time::Duration;

use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};

use crate::guest::Sample;
use crate::telemetry::BOUNDS;

/// Labels of one series.
pub(super) type Labels = Vec<LabelPair>;

/// Returns a family of integer counters, which only increase.
#[expect(clippy::cast_precision_loss, reason = "Prometheus knows floats alone")]
pub(super) fn counter(
    name: &str,
    help: &str,
    values: impl Iterator<Item = (Labels, u64)>,
) -> MetricFamily {
    seconds(
        name,
        help,
        values.map(|(labels, value)| (labels, value as f64)),
    )
}

/// Returns a family of counters with fractions, such as seconds.
pub(super) fn seconds(
    name: &str,
    help: &str,
    values: impl Iterator<Item = (Labels, f64)>,
) -> MetricFamily {
    let metrics = values.map(|(labels, value)| {
        let mut counter = Counter::default();
        counter.set_value(value);
        let mut metric = Metric::from_label(labels);
        metric.set_counter(counter);
        metric
    });
    family(name, help, MetricType::COUNTER, metrics.collect())
}

/// Returns a family of integer gauges.
#[expect(clippy::cast_precision_loss, reason = "Prometheus knows floats alone")]
pub(super) fn gauge(
    name: &str,
    help: &str,
    values: impl Iterator<Item = (Labels, u64)>,
) -> MetricFamily {
    time(
        name,
        help,
        values.map(|(labels, value)| (labels, value as f64)),
    )
}

/// Returns a family of gauges with fractions, such as seconds.
pub(super) fn time(
    name: &str,
    help: &str,
    values: impl Iterator<Item = (Labels, f64)>,
) -> MetricFamily {
    let metrics = values.map(|(labels, value)| {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        let mut metric = Metric::from_label(labels);
        metric.set_gauge(gauge);
        metric
    });
    family(name, help, MetricType::GAUGE, metrics.collect())
}

/// Returns a family of histograms of durations.
pub(super) fn durations(
    name: &str,
    help: &str,
    metrics: impl Iterator<Item = Metric>,
) -> MetricFamily {
    family(name, help, MetricType::HISTOGRAM, metrics.collect())
}

/// Returns a sample as a histogram; `total` is the sum of all its requests'
/// durations.
pub(super) fn histogram(labels: Labels, sample: &Sample, total: Duration) -> Metric {
    let buckets = BOUNDS.map(|bound| {
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(bound);
        bucket.set_cumulative_count(sample.within(Duration::from_secs_f64(bound)));
        bucket
    });
    let mut histogram = Histogram::default();
    histogram.set_bucket(buckets.to_vec());
    histogram.set_sample_count(sample.requests);
    histogram.set_sample_sum(total.as_secs_f64());
    let mut metric = Metric::from_label(labels);
    metric.set_histogram(histogram);
    metric
}

fn family(name: &str, help: &str, kind: MetricType, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

/// Adds the region of the node to every series. A label `region` of a plugin,
/// declared before the name was reserved for the host, is kept.
pub(super) fn add_region(families: &mut [MetricFamily], region: &str) {
    const REGION: &str = "region";
    for family in families {
        let mut metrics = family.take_metric();
        for metric in &mut metrics {
            let mut labels = metric.take_label();
            if labels.iter().all(|label| label.name() != REGION) {
                labels.push(label(REGION, region));
            }
            metric.set_label(labels);
        }
        family.set_metric(metrics);
    }
}

/// Returns one series without labels, if there is a value.
pub(super) fn single<T>(value: Option<T>) -> impl Iterator<Item = (Labels, T)> {
    value.into_iter().map(|value| (Labels::new(), value))
}

pub(super) fn labels<const N: usize>(pairs: [(&str, &str); N]) -> Labels {
    pairs
        .iter()
        .map(|(name, value)| label(name, value))
        .collect()
}

pub(super) fn label(name: &str, value: &str) -> LabelPair {
    let mut label = LabelPair::default();
    label.set_name(name.to_owned());
    label.set_value(value.to_owned());
    label
}

/// Returns `to` with `pairs` added.
pub(super) fn and<const N: usize>(mut to: Labels, pairs: [(&str, &str); N]) -> Labels {
    to.extend(labels(pairs));
    to
}
