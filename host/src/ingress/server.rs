//! The listener: connections in, bounded in number, and a stop that lets
//! requests in flight finish.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::body::ReplyBody;
use super::connection::{Activity, Guarded};
use super::service::Service;
use crate::config::Settings;

/// Connections that the kernel holds for us before we accept them.
const BACKLOG: u32 = 1024;

/// How long to wait when the process has no file descriptor left.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// Past the service's own bounds, so that it is the one to refuse, with an
/// envelope; past these hyper refuses by itself.
const HEAD_BUFFER: usize = 128 * 1024;

/// HTTP/2: streams at once on one connection, and header bytes of one stream.
const HTTP2_STREAMS: u32 = 128;
const HTTP2_HEADERS: u32 = 64 * 1024;

/// HTTP/2: a client that answers no ping for this long is gone.
const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(20);
const HTTP2_PING_TIMEOUT: Duration = Duration::from_secs(10);

/// The shop's port: taken, and not yet open.
pub struct Server {
    socket: TcpSocket,
    address: SocketAddr,
    unready_delay: Duration,
}

/// The shop's port cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct ServerError {
    address: SocketAddr,
    source: io::Error,
}

impl Server {
    /// Take the address of `settings` without accepting anything: a port that is in use is
    /// found out before minutes of work, and nobody connects to a node that
    /// is not ready.
    ///
    /// # Errors
    /// When the address is not to be had.
    pub fn bind(settings: &Settings) -> Result<Self, ServerError> {
        let address = settings.listen;
        let fail = |source| ServerError { address, source };
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }
        .map_err(fail)?;
        socket.set_reuseaddr(true).map_err(fail)?;
        socket.bind(address).map_err(fail)?;
        let address = socket.local_addr().map_err(fail)?;
        Ok(Self {
            socket,
            address,
            unready_delay: settings.unready_delay,
        })
    }

    /// The address, with the port that was taken for port 0.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Open the port and serve until `stop`; then say so to who asks whether
    /// the node is ready, for as long as the settings say, and let requests in
    /// flight finish, for up to `drain`. Returns whether they all did.
    ///
    /// # Errors
    /// When the port cannot be opened.
    pub async fn run(
        self,
        service: Arc<Service>,
        stop: impl Future<Output = ()>,
        drain: Duration,
    ) -> Result<bool, ServerError> {
        let address = self.address;
        let listener = self
            .socket
            .listen(BACKLOG)
            .map_err(|source| ServerError { address, source })?;
        let graceful = GracefulShutdown::new();
        let stop = async {
            stop.await;
            service.probes().stop();
            tokio::time::sleep(self.unready_delay).await;
        };
        tokio::select! {
            () = stop => {}
            () = accept(&listener, &service, &graceful) => {}
        }
        drop(listener);
        Ok(tokio::time::timeout(drain, graceful.shutdown())
            .await
            .is_ok())
    }
}

async fn accept(listener: &TcpListener, service: &Arc<Service>, graceful: &GracefulShutdown) {
    let room = Arc::new(Semaphore::new(service.limits().max_connections));
    let builder = Arc::new(builder());
    // The semaphore is never closed, so the loop has no other end than `stop`.
    while let Ok(place) = room.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let connection = Connection {
                    stream,
                    peer,
                    place,
                };
                connection.serve(builder.clone(), service.clone(), graceful);
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_BACKOFF).await;
            }
        }
    }
}

struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    place: OwnedSemaphorePermit,
}

impl Connection {
    fn serve(
        self,
        builder: Arc<auto::Builder<TokioExecutor>>,
        service: Arc<Service>,
        graceful: &GracefulShutdown,
    ) {
        let watcher = graceful.watcher();
        let Self {
            stream,
            peer,
            place,
        } = self;
        // Replies are written whole; waiting to fill a packet only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "the client left at once");
            return;
        }
        tokio::spawn(async move {
            let activity = Arc::new(Activity::default());
            let guarded = Guarded::new(
                stream,
                activity.clone(),
                service.limits(),
                service.headers().clone(),
            );
            let answer = service_fn(move |request: Request<Incoming>| {
                let (service, busy) = (service.clone(), activity.begin());
                async move {
                    let response = service.answer(request, peer.ip()).await;
                    Ok::<_, std::convert::Infallible>(
                        response.map(|body| ReplyBody::new(body, busy)),
                    )
                }
            });
            let connection = builder.serve_connection(TokioIo::new(guarded), answer);
            if let Err(error) = watcher.watch(connection.into_owned()).await {
                tracing::debug!(%error, %peer, "connection ended");
            }
            drop(place);
        });
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // Ours; see `Guarded`.
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
