//! One connection of a client: its TLS handshake, and its requests by HTTP/1.1 or HTTP/2.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::Watcher;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_rustls::TlsAcceptor;

use super::lingering::Lingering;
use super::reply_body::ReplyBody;
use super::timed_io::{InFlight, TimedIo};
use super::tls::handshake;
use crate::ingress::pipeline::Service;

/// Bytes of hyper's buffer for a request head. Larger than the service's own limits, so that the
/// service refuses a request with an error envelope before hyper refuses it by itself.
const HEAD_BUFFER: usize = 128 * 1024;

/// Concurrent HTTP/2 streams of one connection.
const HTTP2_STREAMS: u32 = 128;
/// Bytes of the header fields of one HTTP/2 stream, at most.
const HTTP2_HEADERS: u32 = 64 * 1024;

/// Time between HTTP/2 pings of a connection. A client that does not answer one within
/// [`HTTP2_PING_TIMEOUT`] is disconnected.
const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(20);
/// Time limit for a client to answer an HTTP/2 ping.
const HTTP2_PING_TIMEOUT: Duration = Duration::from_secs(10);

/// A client's connection, with or without TLS.
pub(super) struct Connection {
    pub(super) peer: SocketAddr,
    /// Slot among the connections that are open at a time.
    pub(super) permit: OwnedSemaphorePermit,
    pub(super) builder: Arc<auto::Builder<TokioExecutor>>,
    pub(super) service: Arc<Service>,
    /// Guard that lets a graceful shutdown wait for the connection.
    pub(super) watcher: Watcher,
}

impl Connection {
    /// Serves the connection in a task of its own.
    pub(super) fn begin(
        self,
        stream: TcpStream,
        tls: Option<TlsAcceptor>,
        mut stopping: watch::Receiver<()>,
    ) {
        // Replies are written whole: Nagle's algorithm would only delay them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "the client left at once");
            return;
        }
        let stream = Lingering::new(stream, stopping.clone());
        let Some(acceptor) = tls else {
            tokio::spawn(self.serve(stream));
            return;
        };
        tokio::spawn(async move {
            let timeout = self.service.limits().head_timeout;
            let handshake = Box::pin(handshake(&acceptor, stream, timeout));
            tokio::select! {
                secured = handshake => match secured {
                    Ok(stream) => Box::pin(self.serve(stream)).await,
                    Err(error) => tracing::debug!(%error, peer = %self.peer, "no handshake"),
                },
                // No request has been read yet, so there is nothing to finish.
                _ = stopping.changed() => {}
            }
        });
    }

    /// Serves requests until either side ends the connection.
    async fn serve<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self {
            peer,
            permit,
            builder,
            service,
            watcher,
        } = self;
        let open = service.traffic().open();
        let activity = Arc::new(InFlight::default());
        let guarded = TimedIo::new(
            stream,
            activity.clone(),
            service.limits(),
            service.configured_headers().clone(),
            service.traffic().clone(),
        );
        let answer = service_fn(move |request: Request<Incoming>| {
            let (service, busy) = (service.clone(), activity.begin());
            async move {
                let response = service.answer(request, peer.ip()).await;
                Ok::<_, std::convert::Infallible>(response.map(|body| ReplyBody::new(body, busy)))
            }
        });
        let connection = builder.serve_connection(TokioIo::new(guarded), answer);
        if let Err(error) = watcher.watch(connection.into_owned()).await {
            tracing::debug!(%error, %peer, "connection ended");
        }
        drop((open, permit));
    }
}

/// Returns the settings of hyper for every connection.
pub(super) fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // Heads are timed by `TimedIo` instead.
        .header_read_timeout(None)
        .max_buf_size(HEAD_BUFFER);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(HTTP2_STREAMS)
        .max_header_list_size(HTTP2_HEADERS)
        .keep_alive_interval(HTTP2_PING_INTERVAL)
        .keep_alive_timeout(HTTP2_PING_TIMEOUT);
    builder
}
