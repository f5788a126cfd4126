//! Export of spans to a collector: OTLP by HTTP with protobuf, over hyper.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig};
use tokio::runtime::Handle;

use crate::config::{Secret, TraceSettings};

/// Most bytes of a collector's reply.
const MOST_ANSWER: usize = 1 << 20;

/// Error of setting up the export of spans.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// TLS cannot be set up.
    #[error("traces: TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The exporter rejects the settings.
    #[error("traces: {0}")]
    Exporter(String),
}

/// Returns the exporter that sends spans to the collector at `endpoint`.
pub(super) fn exporter(
    endpoint: &Uri,
    settings: &TraceSettings,
) -> Result<SpanExporter, CollectorError> {
    let Secret(headers) = &settings.headers;
    let headers: HashMap<String, String> = headers.iter().cloned().collect();
    SpanExporter::builder()
        .with_http()
        .with_http_client(Sender::new(settings.timeout)?)
        .with_endpoint(endpoint.to_string())
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(settings.timeout)
        .with_headers(headers)
        // A retry would only fill the queue: the next batch is the next attempt.
        .with_retry_policy(RetryPolicy::disabled())
        .build()
        .map_err(|error| CollectorError::Exporter(error.to_string()))
}

/// HTTP client of the exporter: batches come from the exporter's own thread, and are sent by tasks
/// of the node's runtime.
struct Sender {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    timeout: Duration,
    node: Handle,
}

impl Sender {
    fn new(timeout: Duration) -> Result<Self, rustls::Error> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(timeout));
        let tls = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())?
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(tls),
            timeout,
            node: Handle::current(),
        })
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (client, timeout) = (self.client.clone(), self.timeout);
        let sending = self.node.spawn(async move {
            let exchange = async {
                let response = client.request(request.map(Full::new)).await?;
                let (head, body) = response.into_parts();
                let body = Limited::new(body, MOST_ANSWER).collect().await?;
                Ok::<_, HttpError>(Response::from_parts(head, body.to_bytes()))
            };
            tokio::time::timeout(timeout, exchange).await?
        });
        sending.await?
    }
}
