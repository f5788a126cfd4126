//! Traces: spans of requests, of the plugins' calls and of what those ask of
//! the host, sent to a collector by OTLP.
//!
//! Whether there is anything to do is decided first and once: a node without a
//! collector has no [`Traces`], and below a request that is not sampled no
//! span begins. A collector that is slow or gone costs spans, and never a
//! request's time: what does not fit the queue is dropped and counted.

mod collector;
mod outlet;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{
    Span as _, SpanContext, SpanKind, Status, TraceContextExt, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, Span};

use crate::config::{Sampling, TraceSettings};
use collector::exporter;
use outlet::{SpanPipeline, outlet};

pub use collector::CollectorError;
pub use outlet::SpanCounts;

/// How long the spans that are left may take when the node stops.
const FLUSH: Duration = Duration::from_secs(3);

/// Which side of a call a span is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Answers a request of a client.
    Server,
    /// Asks somebody outside of the node.
    Client,
    /// Neither.
    Internal,
}

/// An attribute.
pub fn text(key: &'static str, value: impl Into<Cow<'static, str>>) -> KeyValue {
    let value = match value.into() {
        Cow::Borrowed(text) => Value::from(text),
        Cow::Owned(text) => Value::from(text),
    };
    KeyValue::new(key, value)
}

/// Begins traces, and sends what is sampled to a collector.
pub struct Traces {
    tracer: SdkTracer,
    provider: SdkTracerProvider,
    propagator: TraceContextPropagator,
    counts: Arc<SpanCounts>,
}

impl Traces {
    /// Traces as the settings want them, of the node that is called so; none
    /// where there is no collector, or nothing is to be sampled. Must be called
    /// within a tokio runtime.
    ///
    /// # Errors
    /// When no collector can be spoken to as the settings say.
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

    /// Begin the span of a request with these header fields: below the
    /// client's, if it has sent one.
    #[must_use]
    pub fn begin(self: &Arc<Self>, headers: &HeaderMap) -> Work {
        let extractor = HeaderExtractor(headers);
        let parent = self
            .propagator
            .extract_with_context(&Context::new(), &extractor);
        // The route, which gives it a better one, is not known yet.
        self.work(Kind::Server, "request".into(), &parent)
    }

    /// Begin a trace of something that nobody asked for from outside.
    #[must_use]
    pub fn begin_own(self: &Arc<Self>, name: String) -> Work {
        self.work(Kind::Internal, name.into(), &Context::new())
    }

    /// What became of spans.
    #[must_use]
    pub fn counts(&self) -> &SpanCounts {
        &self.counts
    }

    /// Send what is left, for as long as that may take.
    pub async fn close(&self) {
        let provider = self.provider.clone();
        let closing = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH));
        if let Ok(Err(error)) = closing.await {
            tracing::debug!(%error, "the last spans may be lost");
        }
    }

    fn work(self: &Arc<Self>, kind: Kind, name: Cow<'static, str>, parent: &Context) -> Work {
        let kind = match kind {
            Kind::Server => SpanKind::Server,
            Kind::Client => SpanKind::Client,
            Kind::Internal => SpanKind::Internal,
        };
        let builder = self.tracer.span_builder(name).with_kind(kind);
        let span = Box::new(self.tracer.build_with_context(builder, parent));
        let trace = Trace(Arc::new(Place {
            traces: self.clone(),
            context: span.span_context().clone(),
        }));
        Work { span, trace }
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

/// A place in a trace: what begins there is its child.
#[derive(Debug, Clone)]
pub struct Trace(Arc<Place>);

#[derive(Debug)]
struct Place {
    traces: Arc<Traces>,
    context: SpanContext,
}

impl Trace {
    /// The trace's id, as 32 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> String {
        self.0.context.trace_id().to_string()
    }

    /// Begin a child, unless the trace is not sampled.
    #[must_use]
    pub fn begin(&self, kind: Kind, name: impl FnOnce() -> Cow<'static, str>) -> Option<Work> {
        let Place { traces, context } = &*self.0;
        let parent = context.is_sampled().then(|| self.context())?;
        Some(traces.work(kind, name(), &parent))
    }

    /// Tell who is asked by a request with these header fields where it
    /// stands, sampled or not. What stood there is replaced.
    pub fn write(&self, headers: &mut HeaderMap) {
        for field in ["traceparent", "tracestate"] {
            headers.remove(field);
        }
        let mut injector = HeaderInjector(headers);
        let propagator = &self.0.traces.propagator;
        propagator.inject_context(&self.context(), &mut injector);
    }

    fn context(&self) -> Context {
        // Only says where it came from if that was outside; it was not.
        Context::new().with_remote_span_context(self.0.context.clone())
    }
}

/// A span that is under way. It ends when it is dropped.
pub struct Work {
    span: Box<Span>,
    trace: Trace,
}

impl Work {
    /// Where it stands.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Whether anything that is set of it is kept.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.span.is_recording()
    }

    /// Call it so.
    pub fn rename(&mut self, name: String) {
        self.span.update_name(name);
    }

    /// Say more of it.
    pub fn set<const N: usize>(&mut self, attributes: [KeyValue; N]) {
        self.span.set_attributes(attributes);
    }

    /// It failed, for this reason: one of few, and nothing of a request.
    pub fn fail(&mut self, reason: &'static str) {
        self.span.set_attribute(text("error.type", reason));
        self.span.set_status(Status::error(reason));
    }
}
