//! The shop's ports while their node waits for its control database: probes are answered, so that
//! no orchestrator restarts the process, and all other requests get 503 with `Retry-After`.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

use super::ports::{Accepted, Listeners};
use super::tls::handshake;
use crate::ingress::error_response::{ErrorResponse, new_id};
use crate::ingress::probes::{JSON, Probe, TEXT};
use crate::telemetry::RefusalReason;

/// Time limit for one connection, from accept to close.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Connections at a time; others wait in the kernel's queue.
const MOST_CONNECTIONS: usize = 64;

/// Pause after a failed accept.
const PAUSE: Duration = Duration::from_millis(50);

/// Reason in the reply to a probe; it may be shown to anybody.
const REASON: &[u8] = b"waiting for the control database, which does not answer\n";
const DETAILS: &[u8] = br#"{"ready":false,"degraded":true,"waiting_for":"control database"}"#;

/// Answers connections for as long as the future is polled. Open connections are closed when it is
/// dropped.
pub(super) async fn answer(listeners: &Listeners) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= MOST_CONNECTIONS {
            connections.join_next().await;
        }
        match listeners.accept().await {
            Ok(accepted) => {
                connections.spawn(tokio::time::timeout(TIMEOUT, serve(accepted)));
            }
            Err(error) => {
                tracing::debug!(%error, "a connection cannot be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve((stream, peer, tls): Accepted) {
    let outcome = match tls {
        None => speak(stream).await,
        Some(acceptor) => match handshake(&acceptor, stream, TIMEOUT).await {
            Ok(stream) => speak(stream).await,
            Err(error) => Err(error),
        },
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, %peer, "connection ended");
    }
}

async fn speak<S>(stream: S) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let answer = service_fn(|request: Request<Incoming>| {
        std::future::ready(Ok::<_, Infallible>(reply(&request)))
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    let connection = builder.serve_connection(TokioIo::new(stream), answer);
    connection.await.map_err(io::Error::other)
}

fn reply<B>(request: &Request<B>) -> Response<Full<Bytes>> {
    const UNAVAILABLE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;
    let (status, content_type, text) = match Probe::of(request) {
        Some(Probe::Live) => (StatusCode::OK, TEXT, Bytes::from_static(b"live\n")),
        Some(Probe::Ready) => (UNAVAILABLE, TEXT, Bytes::from_static(REASON)),
        Some(Probe::Details) => (UNAVAILABLE, JSON, Bytes::from_static(DETAILS)),
        None => {
            let envelope = ErrorResponse::unavailable(RefusalReason::Other).envelope(&new_id());
            (UNAVAILABLE, JSON, Bytes::from(envelope))
        }
    };
    let mut reply = Response::new(Full::new(text));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    if status == UNAVAILABLE {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    reply
}
