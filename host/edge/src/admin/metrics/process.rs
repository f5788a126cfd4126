//! Metrics of the process, under the names that every client library of
//! Prometheus uses, and of its trace spans.

use std::fs;

use prometheus::proto::MetricFamily;

use super::families::{counter, gauge, labels, single};
use crate::telemetry::log_failures;
use crate::telemetry::traces::Traces;

pub(super) fn families(traces: Option<&Traces>) -> Vec<MetricFamily> {
    let counts = traces.map(Traces::counts);
    let dropped = counts.map(|counts| counts.dropped());
    let dropped = dropped.into_iter().flatten();
    vec![
        gauge(
            "process_resident_memory_bytes",
            "Memory of the process that is resident.",
            single(resident()),
        ),
        gauge(
            "process_open_fds",
            "Descriptors that the process has open.",
            single(descriptors()),
        ),
        counter(
            "edge_log_write_errors_total",
            "Tries to write log lines that failed.",
            single(Some(log_failures())),
        ),
        gauge(
            "edge_build_info",
            "The host.",
            [(labels([("version", env!("CARGO_PKG_VERSION"))]), 1)].into_iter(),
        ),
        counter(
            "edge_trace_spans_exported_total",
            "Spans that the collector has taken.",
            single(counts.map(|counts| counts.sent())),
        ),
        counter(
            "edge_trace_spans_dropped_total",
            "Spans that were lost, by the reason.",
            dropped.map(|(reason, count)| (labels([("reason", reason)]), count)),
        ),
    ]
}

fn resident() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

fn descriptors() -> Option<u64> {
    let open = fs::read_dir("/proc/self/fd").ok()?;
    Some(open.count() as u64)
}
