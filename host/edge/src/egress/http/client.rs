//! HTTP client that all plugins share, with a pool of connections.

use std::pin::pin;
use std::time::Duration;

use http::{Method, Request, Response};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{HttpConnector, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::Instant;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::body::BoundedBody;
use super::failure;
use super::resolver::Resolver;

/// Time limit for a connection, including name resolution and TLS, unless the plugin sets another.
const CONNECT: Duration = Duration::from_secs(5);

/// Time limit for the head of a reply, and then for each part of its body, unless the plugin sets
/// another.
const REPLY: Duration = Duration::from_secs(30);

/// Time limit for connecting to one address of a name, whatever plugins set.
const MAX_CONNECT: Duration = Duration::from_secs(10);

/// Time for which an idle connection is kept.
const IDLE: Duration = Duration::from_secs(30);
/// Most idle connections of one origin.
const MAX_IDLE_CONNECTIONS: usize = 16;

/// Idle time after which TCP keepalive probes the peer.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Greatest length of a reply's head, in bytes.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// Greatest length of a reply's body, in bytes.
const MAX_BODY_BYTES: u64 = 8 << 20;

/// Error of setting up TLS.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be set up: {0}")]
pub struct HttpClientError(#[from] rustls::Error);

/// Client for requests whose origins have been checked. It follows no redirects, whose targets may
/// not be granted.
pub struct HttpClient {
    client: Client<HttpsConnector<HttpConnector<Resolver>>, WasiBody>,
}

impl HttpClient {
    /// Returns a client without connections.
    ///
    /// # Errors
    /// Returns an error if the cryptography provider lacks what TLS needs.
    pub fn new() -> Result<Self, HttpClientError> {
        let mut tcp = HttpConnector::new_with_resolver(Resolver);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEPALIVE));
        tcp.set_connect_timeout(Some(MAX_CONNECT));
        let tls = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())?
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
            .http1_max_buf_size(MAX_HEAD_BYTES)
            .build(tls);
        Ok(Self { client })
    }

    /// Sends `request` and waits for the head of the reply, within the time limits of `options`,
    /// and until `deadline` at the latest.
    ///
    /// # Errors
    /// Returns a `wasi:http` error code. Those about names, addresses, connections and TLS mean
    /// that nothing was sent; after any other, the request may have been processed.
    pub async fn send(
        &self,
        request: Request<WasiBody>,
        options: RequestOptions,
        deadline: Instant,
    ) -> Result<Response<WasiBody>, Error> {
        // A tunnel could lead to any origin.
        if request.method() == Method::CONNECT {
            return Err(Error::HttpRequestMethodInvalid);
        }
        let response = self.exchange(request, &options, deadline).await?;
        if response.body().size_hint().lower() > MAX_BODY_BYTES {
            return Err(Error::HttpResponseBodySize(Some(MAX_BODY_BYTES)));
        }
        let between_bytes = options.between_bytes_timeout.unwrap_or(REPLY);
        Ok(response.map(|incoming| {
            BoundedBody::new(incoming, MAX_BODY_BYTES, between_bytes, deadline).boxed_unsync()
        }))
    }

    /// Sends `request` and waits for the head of the reply: for a connection first, and then for the
    /// server.
    async fn exchange(
        &self,
        mut request: Request<WasiBody>,
        options: &RequestOptions,
        deadline: Instant,
    ) -> Result<Response<Incoming>, Error> {
        let until = |time: Option<Duration>, default| {
            let end = Instant::now().checked_add(time.unwrap_or(default));
            end.map_or(deadline, |end| end.min(deadline))
        };
        let mut connection = capture_connection(&mut request);
        let mut sending = pin!(self.client.request(request));

        let connected_by = until(options.connect_timeout, CONNECT);
        let early = tokio::select! {
            // The request is polled first, since it makes no more progress once the timer has
            // fired.
            biased;
            reply = &mut sending => Some(reply),
            _ = connection.wait_for_connection_metadata() => None,
            () = tokio::time::sleep_until(connected_by) => return Err(Error::ConnectionTimeout),
        };
        let reply = match early {
            Some(reply) => reply,
            None => {
                let replied_by = until(options.first_byte_timeout, REPLY);
                tokio::time::timeout_at(replied_by, sending)
                    .await
                    .map_err(|_| Error::HttpResponseTimeout)?
            }
        };
        reply.map_err(|error| {
            tracing::debug!(%error, "an outgoing call failed");
            failure::from_client(&error)
        })
    }
}
