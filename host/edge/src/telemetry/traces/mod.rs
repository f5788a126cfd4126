//! Traces: spans of requests, of the plugins' calls and of host calls, sent to a collector by OTLP.
//!
//! Whether to trace is decided first and once: a node without a collector has no [`Traces`], and a
//! request that is not sampled has no child spans. A slow or absent collector costs spans and never
//! a request's time: spans that do not fit into the queue are dropped and counted.

mod collector;
mod outlet;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Span as _, SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};

use crate::config::{Sampling, TraceSettings};
use collector::exporter;
use outlet::{SpanPipeline, outlet};

pub use collector::CollectorError;
pub use outlet::SpanCounts;

/// Time limit for the remaining spans to be sent when the node stops.
const FLUSH: Duration = Duration::from_secs(3);

/// Kind of a span: its side of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Request of a client that the node answers.
    Server,
    /// Call to a server outside the node.
    Client,
    /// Work inside the node.
    Internal,
}

/// Returns an attribute with a text as its value.
pub fn text(key: &'static str, value: impl Into<Cow<'static, str>>) -> KeyValue {
    let value = match value.into() {
        Cow::Borrowed(text) => Value::from(text),
        Cow::Owned(text) => Value::from(text),
    };
    KeyValue::new(key, value)
}

/// Tracer that starts spans, and sends sampled ones to a collector.
pub struct Traces {
    tracer: SdkTracer,
    provider: SdkTracerProvider,
    propagator: TraceContextPropagator,
    counts: Arc<SpanCounts>,
}

impl Traces {
    /// Starts tracing by the settings, for the node with this name and region; `None` without a
    /// collector or if nothing is to be sampled. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the exporter cannot be set up with the settings.
    pub fn open(
        settings: &TraceSettings,
        region: &str,
        node: &str,
    ) -> Result<Option<Arc<Self>>, CollectorError> {
        let Some(endpoint) = settings.endpoint.as_ref().filter(|_| settings.may_sample()) else {
            return Ok(None);
        };
        let SpanPipeline { processor, counts } =
            outlet(exporter(endpoint, settings)?, settings.delay);
        let attributes = settings.resource.iter();
        let attributes = attributes.map(|(name, value)| KeyValue::new(name.clone(), value.clone()));
        let resource = Resource::builder_empty()
            .with_attributes([
                text("service.name", settings.service_name.clone()),
                text("service.version", env!("CARGO_PKG_VERSION")),
                text("service.instance.id", node.to_owned()),
                text("edge.region", region.to_owned()),
            ])
            .with_attributes(attributes)
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor)
            .with_sampler(sampler(settings.sampling))
            .with_resource(resource)
            .build();
        Ok(Some(Arc::new(Self {
            tracer: provider.tracer("edge"),
            provider,
            propagator: TraceContextPropagator::new(),
            counts,
        })))
    }

    /// Starts the span of a request with these header fields, as a child of the client's span if
    /// the fields name one.
    #[must_use]
    pub fn begin(self: &Arc<Self>, headers: &HeaderMap) -> Span {
        let extractor = HeaderExtractor(headers);
        let parent = self
            .propagator
            .extract_with_context(&Context::new(), &extractor);
        // The span is renamed once the route is known.
        self.span(Kind::Server, "request".into(), &parent)
    }

    /// Starts the root span of a trace that no request began.
    #[must_use]
    pub fn begin_own(self: &Arc<Self>, name: String) -> Span {
        self.span(Kind::Internal, name.into(), &Context::new())
    }

    /// Returns the counts of spans that were sent and dropped.
    #[must_use]
    pub fn counts(&self) -> &SpanCounts {
        &self.counts
    }

    /// Sends the remaining spans, within a time limit.
    pub async fn close(&self) {
        let provider = self.provider.clone();
        let closing = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH));
        if let Ok(Err(error)) = closing.await {
            tracing::debug!(%error, "the last spans may be lost");
        }
    }

    fn span(self: &Arc<Self>, kind: Kind, name: Cow<'static, str>, parent: &Context) -> Span {
        let kind = match kind {
            Kind::Server => SpanKind::Server,
            Kind::Client => SpanKind::Client,
            Kind::Internal => SpanKind::Internal,
        };
        let builder = self.tracer.span_builder(name).with_kind(kind);
        let span = Box::new(self.tracer.build_with_context(builder, parent));
        let context = SpanContext(Arc::new(Place {
            traces: self.clone(),
            context: span.span_context().clone(),
        }));
        Span { span, context }
    }
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traces").finish_non_exhaustive()
    }
}

fn sampler(sampling: Sampling) -> Sampler {
    let parent_based = |root| Sampler::ParentBased(Box::new(root));
    match sampling {
        Sampling::Always => Sampler::AlwaysOn,
        Sampling::Never => Sampler::AlwaysOff,
        Sampling::Part(part) => Sampler::TraceIdRatioBased(part),
        Sampling::ParentOrAlways => parent_based(Sampler::AlwaysOn),
        Sampling::ParentOrNever => parent_based(Sampler::AlwaysOff),
        Sampling::ParentOrPart(part) => parent_based(Sampler::TraceIdRatioBased(part)),
    }
}

/// Context of a span, in which child spans are started.
#[derive(Debug, Clone)]
pub struct SpanContext(Arc<Place>);

#[derive(Debug)]
struct Place {
    traces: Arc<Traces>,
    context: opentelemetry::trace::SpanContext,
}

impl SpanContext {
    /// Returns the id of the trace, as 32 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> String {
        self.0.context.trace_id().to_string()
    }

    /// Starts a child span; `None` if the trace is not sampled.
    #[must_use]
    pub fn child(&self, kind: Kind, name: impl FnOnce() -> Cow<'static, str>) -> Option<Span> {
        let Place { traces, context } = &*self.0;
        let parent = context.is_sampled().then(|| self.context())?;
        Some(traces.span(kind, name(), &parent))
    }

    /// Writes the trace context into the header fields of an outgoing request, sampled or not, and
    /// replaces one that is there.
    pub fn write(&self, headers: &mut HeaderMap) {
        for field in ["traceparent", "tracestate"] {
            headers.remove(field);
        }
        let mut injector = HeaderInjector(headers);
        let propagator = &self.0.traces.propagator;
        propagator.inject_context(&self.context(), &mut injector);
    }

    fn context(&self) -> Context {
        // The context is marked as remote, which it is not; the mark only tells where it came from.
        Context::new().with_remote_span_context(self.0.context.clone())
    }
}

/// A span that has begun. It ends when it is dropped.
pub struct Span {
    span: Box<opentelemetry_sdk::trace::Span>,
    context: SpanContext,
}

impl Span {
    /// Returns the context of the span.
    #[must_use]
    pub fn context(&self) -> &SpanContext {
        &self.context
    }

    /// Returns whether the attributes of the span are recorded.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.span.is_recording()
    }

    /// Sets the name of the span.
    pub fn rename(&mut self, name: String) {
        self.span.update_name(name);
    }

    /// Adds attributes to the span.
    pub fn set_attributes<const N: usize>(&mut self, attributes: [KeyValue; N]) {
        self.span.set_attributes(attributes);
    }

    /// Marks the span as failed, with an error type: one of a few, which shows nothing of a
    /// request.
    pub fn set_error(&mut self, reason: &'static str) {
        self.span.set_attribute(text("error.type", reason));
        self.span.set_status(Status::error(reason));
    }
}
