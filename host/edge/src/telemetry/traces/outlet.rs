//! Pipeline of finished spans: a bounded queue that never blocks the code which ends a span, and
//! counts of sent and dropped spans.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor,
};

/// Spans that may wait to be sent; further ones are dropped.
const QUEUE: usize = 8192;

/// Spans of one batch.
const BATCH: usize = 512;

/// Least time between two log lines about a collector that does not accept spans.
const COMPLAINT: Duration = Duration::from_secs(60);

/// Counts of spans that were sent and dropped.
#[derive(Debug, Default)]
pub struct SpanCounts {
    /// Spans in the queue or being sent.
    waiting: AtomicU64,
    sent: AtomicU64,
    overflowed: AtomicU64,
    refused: AtomicU64,
}

impl SpanCounts {
    /// Returns the spans that the collector has accepted.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    /// Returns the spans that were lost, by reason.
    #[must_use]
    pub fn dropped(&self) -> [(&'static str, u64); 2] {
        [
            ("queue_full", self.overflowed.load(Relaxed)),
            ("export_failed", self.refused.load(Relaxed)),
        ]
    }

    /// Reserves a slot in the queue, and returns whether there was one.
    fn enter(&self) -> bool {
        let ahead = self.waiting.fetch_add(1, Relaxed);
        let fits = ahead < QUEUE as u64;
        if !fits {
            self.waiting.fetch_sub(1, Relaxed);
            self.overflowed.fetch_add(1, Relaxed);
        }
        fits
    }

    fn leave(&self, spans: u64, is_taken: bool) {
        self.waiting.fetch_sub(spans, Relaxed);
        let count = if is_taken { &self.sent } else { &self.refused };
        count.fetch_add(spans, Relaxed);
    }
}

/// Queue of spans, with its counts.
pub(super) struct SpanPipeline {
    pub(super) processor: CountingProcessor,
    pub(super) counts: Arc<SpanCounts>,
}

/// Returns a queue before `exporter`, which gets a batch after each `delay`, or as soon as one is
/// full.
pub(super) fn outlet(exporter: impl SpanExporter + 'static, delay: Duration) -> SpanPipeline {
    let counts = Arc::<SpanCounts>::default();
    let counted = Counted {
        exporter,
        counts: counts.clone(),
        began: Instant::now(),
        quiet_until: AtomicU64::new(0),
    };
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE)
        .with_max_export_batch_size(BATCH)
        .with_scheduled_delay(delay)
        .build();
    let queue = BatchSpanProcessor::builder(counted)
        .with_batch_config(batches)
        .build();
    let processor = CountingProcessor {
        queue,
        counts: counts.clone(),
    };
    SpanPipeline { processor, counts }
}

/// Span processor that queues a span, or counts it as dropped.
#[derive(Debug)]
pub(super) struct CountingProcessor {
    queue: BatchSpanProcessor,
    counts: Arc<SpanCounts>,
}

impl SpanProcessor for CountingProcessor {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.queue.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.counts.enter() {
            self.queue.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.queue.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.queue.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.queue.set_resource(resource);
    }
}

/// Exporter that sends batches, counts their outcomes, and logs failures at intervals.
#[derive(Debug)]
struct Counted<E> {
    exporter: E,
    counts: Arc<SpanCounts>,
    began: Instant,
    /// Seconds after `began` until which no failure is logged.
    quiet_until: AtomicU64,
}

impl<E> Counted<E> {
    fn may_complain(&self) -> bool {
        let now = self.began.elapsed().as_secs();
        let may = now >= self.quiet_until.load(Relaxed);
        if may {
            self.quiet_until.store(now + COMPLAINT.as_secs(), Relaxed);
        }
        may
    }
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        let sent = self.exporter.export(batch).await;
        self.counts.leave(spans, sent.is_ok());
        if let Err(error) = &sent
            && self.may_complain()
        {
            tracing::warn!(spans, %error, "the collector takes no spans; they are dropped");
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_dropped_and_counted() {
        let counts = SpanCounts::default();
        let entered = (0..QUEUE + 3).filter(|_| counts.enter()).count();
        assert_eq!(entered, QUEUE);
        assert_eq!(counts.dropped(), [("queue_full", 3), ("export_failed", 0)]);
        counts.leave(2, true);
        counts.leave(1, false);
        assert_eq!((counts.sent(), counts.dropped()[1].1), (2, 1));
        assert!(counts.enter(), "there is room again");
    }
}
