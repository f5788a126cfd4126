//! A collector of traces, and somebody who is called out to: it keeps what it
//! is told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::harness::eventually;

/// A span, as it was told.
#[derive(Debug, Clone)]
pub struct Told {
    pub name: String,
    pub trace: String,
    pub id: String,
    pub parent: String,
    pub kind: i32,
    pub attributes: BTreeMap<String, String>,
    /// What its node is called.
    pub resource: BTreeMap<String, String>,
}

impl Told {
    /// An attribute; empty where there is none.
    pub fn get(&self, attribute: &str) -> &str {
        self.attributes.get(attribute).map_or("", String::as_str)
    }
}

#[derive(Default)]
struct Kept {
    spans: Vec<Told>,
    /// Of the last batch, and of the last call.
    headers: Vec<HeaderMap>,
    calls: Vec<HeaderMap>,
}

type Shared = Arc<Mutex<Kept>>;

/// The collector; it ends when it is dropped.
pub struct Collector {
    address: SocketAddr,
    kept: Shared,
    serving: JoinHandle<()>,
}

impl Collector {
    /// Start it on a port of its own.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let kept = Shared::default();
        let router = Router::new()
            .route("/v1/traces", post(take))
            .route("/called", get(called))
            .with_state(kept.clone());
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("a port");
        });
        Self {
            address,
            kept,
            serving,
        }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All spans of a trace, once `enough` likes them.
    pub async fn trace(&self, id: &str, enough: impl Fn(&[Told]) -> bool) -> Vec<Told> {
        eventually(&format!("the spans of {id}"), async || {
            let spans = self.spans_of(id);
            enough(&spans).then_some(spans)
        })
        .await
    }

    /// The spans of a trace so far.
    pub fn spans_of(&self, id: &str) -> Vec<Told> {
        let kept = lock(&self.kept);
        let spans = kept.spans.iter().filter(|span| span.trace == id);
        spans.cloned().collect()
    }

    /// The spans that are called so, of any trace.
    pub fn spans_named(&self, name: &str) -> Vec<Told> {
        let kept = lock(&self.kept);
        let spans = kept.spans.iter().filter(|span| span.name == name);
        spans.cloned().collect()
    }

    /// The header fields that spans came with.
    pub fn headers(&self) -> Vec<HeaderMap> {
        lock(&self.kept).headers.clone()
    }

    /// The header fields of calls to `/called`.
    pub fn calls(&self) -> Vec<HeaderMap> {
        lock(&self.kept).calls.clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn lock(kept: &Shared) -> std::sync::MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn take(State(kept): State<Shared>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else {
        return StatusCode::BAD_REQUEST;
    };
    let mut kept = lock(&kept);
    kept.headers.push(headers);
    for of_node in request.resource_spans {
        let resource = of_node.resource.unwrap_or_default().attributes;
        let resource = attributes(&resource);
        let spans = of_node.scope_spans.iter().flat_map(|scope| &scope.spans);
        kept.spans.extend(spans.map(|span| told(span, &resource)));
    }
    StatusCode::OK
}

async fn called(State(kept): State<Shared>, headers: HeaderMap) -> &'static str {
    lock(&kept).calls.push(headers);
    "called"
}

fn told(span: &Span, resource: &BTreeMap<String, String>) -> Told {
    Told {
        name: span.name.clone(),
        trace: hex::encode(&span.trace_id),
        id: hex::encode(&span.span_id),
        parent: hex::encode(&span.parent_span_id),
        kind: span.kind,
        attributes: attributes(&span.attributes),
        resource: resource.clone(),
    }
}

fn attributes(pairs: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Option<AnyValue>| match value.as_ref().and_then(|any| any.value.clone()) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    let pairs = pairs.iter();
    pairs
        .map(|pair| (pair.key.clone(), text(&pair.value)))
        .collect()
}
