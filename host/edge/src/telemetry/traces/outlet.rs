//! The way of finished spans out of the node: a bounded queue that whoever
//! ends a span never waits for, and a count of what came of each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor,
};

/// Spans that wait to be sent; past that, they are dropped.
const QUEUE: usize = 8192;

/// Spans that are sent together.
const BATCH: usize = 512;

/// How often the log says that a collector takes nothing.
const COMPLAINT: Duration = Duration::from_secs(60);

/// What became of spans.
#[derive(Debug, Default)]
pub struct SpanCounts {
    /// In the queue, or on their way.
    waiting: AtomicU64,
    sent: AtomicU64,
    overflowed: AtomicU64,
    refused: AtomicU64,
}

impl SpanCounts {
    /// Spans that the collector has taken.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    /// Spans that were lost, by the reason.
    #[must_use]
    pub fn dropped(&self) -> [(&'static str, u64); 2] {
        [
            ("queue_full", self.overflowed.load(Relaxed)),
            ("export_failed", self.refused.load(Relaxed)),
        ]
    }

    /// Take a place in the queue, if there is one.
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

/// The queue, and the count of what passes it.
pub(super) struct SpanPipeline {
    pub(super) processor: CountingProcessor,
    pub(super) counts: Arc<SpanCounts>,
}

/// A queue before `exporter`, which gets a batch after each `delay`, or once
/// there is a whole one.
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

/// Lets a span into the queue, or counts that it was dropped.
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

/// Sends batches, counts what came of them, and now and then complains.
#[derive(Debug)]
struct Counted<E> {
    exporter: E,
    counts: Arc<SpanCounts>,
    began: Instant,
    /// Seconds after `began` in which nothing is said.
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
