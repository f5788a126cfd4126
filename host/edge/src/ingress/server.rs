//! The listeners of the shop's ports: a bounded number of connections, and a graceful shutdown.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_rustls::TlsAcceptor;

use super::body::ReplyBody;
use super::connection::{InFlight, TimedIo};
use super::lingering::Lingering;
use super::service::Service;
use super::tls::{CertificateError, CertificateValidity, Tls, handshake};
use super::waiting;
use crate::accept::{AcceptWarning, accept_each};
use crate::config::Settings;
use crate::descriptors::connections_within_limit;
use crate::telemetry::NodeWarnings;

/// Connections that the kernel queues for each port before they are accepted.
const BACKLOG: u32 = 1024;

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

/// The shop's ports: bound, and not yet open.
pub struct Server {
    plain: Port,
    tls: Option<(Port, Tls)>,
    unready_delay: Duration,
    warnings: Arc<NodeWarnings>,
}

/// A port that is bound or open.
struct Port {
    socket: PortSocket,
    address: SocketAddr,
}

enum PortSocket {
    /// Bound, but not listening: clients cannot connect yet.
    Bound(TcpSocket),
    Open(TcpListener),
}

/// Error of binding the shop's ports or of reading its certificate.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A port cannot be bound.
    #[error("cannot listen on {address}: {source}")]
    Port {
        /// Address that was asked for.
        address: SocketAddr,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The certificate for TLS cannot be used.
    #[error("TLS: {0}")]
    Certificate(#[from] CertificateError),
}

impl Server {
    /// Binds the ports of `settings` without accepting connections: a port that is in use is
    /// noticed before minutes of work, and no client connects to a node that is not ready.
    /// `warnings` get a certificate that is about to expire.
    /// to `warnings`.
    ///
    /// # Errors
    /// When an address cannot be bound or the certificate cannot be used.
    pub fn bind(settings: &Settings, warnings: Arc<NodeWarnings>) -> Result<Self, ServerError> {
        let tls = match &settings.tls {
            Some(tls) => {
                let port = Port::take(tls.listen)?;
                Some((port, Tls::open(tls, warnings.clone())?))
            }
            None => None,
        };
        Ok(Self {
            plain: Port::take(settings.listen)?,
            tls,
            unready_delay: settings.unready_delay,
            warnings,
        })
    }

    /// Returns the address of the port without TLS, with the number that the system chose for port
    /// 0.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.plain.address
    }

    /// Returns the validity of the certificate that is shown to clients; `None` without TLS.
    #[must_use]
    pub fn certificate(&self) -> Option<Arc<CertificateValidity>> {
        self.tls.as_ref().map(|(_, tls)| tls.validity().clone())
    }

    /// Returns the address of the port with TLS, with the number that the system chose for port 0;
    /// `None` without TLS.
    #[must_use]
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.tls.as_ref().map(|(port, _)| port.address)
    }

    /// Opens the ports, and answers only probes there until `work` has ended. Returns the server,
    /// whose ports stay open, and the result of `work`.
    ///
    /// # Errors
    /// When a port cannot be opened.
    pub async fn answer_probes_during<T>(
        self,
        work: impl Future<Output = T>,
    ) -> Result<(Self, T), ServerError> {
        let unready_delay = self.unready_delay;
        let warnings = self.warnings.clone();
        let listeners = self.open()?;
        let done = tokio::select! {
            done = work => done,
            never = waiting::answer(&listeners) => match never {},
        };
        let Listeners { plain, tls } = listeners;
        let server = Self {
            plain: Port::of(plain)?,
            tls: match tls {
                Some((listener, tls)) => Some((Port::of(listener)?, tls)),
                None => None,
            },
            unready_delay,
            warnings,
        };
        Ok((server, done))
    }

    fn open(self) -> Result<Listeners, ServerError> {
        let plain = self.plain.open()?;
        let tls = match self.tls {
            Some((port, tls)) => Some((port.open()?, tls)),
            None => None,
        };
        Ok(Listeners { plain, tls })
    }

    /// Opens the ports and serves until `stop`. From then on the node is not ready; the ports stay
    /// open for the `unready_delay` of the settings, and requests in flight have up to `drain` to
    /// finish. Returns whether they all did.
    ///
    /// # Errors
    /// When a port cannot be opened.
    pub async fn run(
        self,
        service: Arc<Service>,
        stop: impl Future<Output = ()>,
        drain: Duration,
    ) -> Result<bool, ServerError> {
        let unready_delay = self.unready_delay;
        let warning = AcceptWarning::of_shop(self.warnings.clone(), service.traffic().clone());
        let listeners = self.open()?;
        let graceful = GracefulShutdown::new();
        let (serving, stopping) = watch::channel(());
        let stop = async {
            stop.await;
            service.probes().stop();
            tokio::time::sleep(unready_delay).await;
        };
        tokio::select! {
            () = stop => {}
            () = accept(&listeners, &service, &warning, &graceful, &stopping) => {}
            () = listeners.follow_files() => {}
        }
        drop((listeners, serving));
        let finished = async {
            graceful.shutdown().await;
            service.finish_changes().await;
        };
        Ok(tokio::time::timeout(drain, finished).await.is_ok())
    }
}

impl Port {
    fn take(address: SocketAddr) -> Result<Self, ServerError> {
        let fail = |source| ServerError::Port { address, source };
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }
        .map_err(fail)?;
        socket.set_reuseaddr(true).map_err(fail)?;
        socket.bind(address).map_err(fail)?;
        let address = socket.local_addr().map_err(fail)?;
        let socket = PortSocket::Bound(socket);
        Ok(Self { socket, address })
    }

    /// Returns the port of a listener that is already open.
    fn of(listener: TcpListener) -> Result<Self, ServerError> {
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let address = listener.local_addr().map_err(|source| ServerError::Port {
            address: unknown,
            source,
        })?;
        let socket = PortSocket::Open(listener);
        Ok(Self { socket, address })
    }

    fn open(self) -> Result<TcpListener, ServerError> {
        let address = self.address;
        let opened = match self.socket {
            PortSocket::Bound(socket) => socket.listen(BACKLOG),
            PortSocket::Open(listener) => Ok(listener),
        };
        opened.map_err(|source| ServerError::Port { address, source })
    }
}

/// An accepted connection, the address of its client, and the acceptor of the TLS handshake if it
/// came to the port with TLS.
pub(super) type Accepted = (TcpStream, SocketAddr, Option<TlsAcceptor>);

/// Open ports.
pub(super) struct Listeners {
    plain: TcpListener,
    tls: Option<(TcpListener, Tls)>,
}

impl Listeners {
    /// Accepts the next connection of either port.
    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        let Some((listener, tls)) = &self.tls else {
            let (stream, peer) = self.plain.accept().await?;
            return Ok((stream, peer, None));
        };
        tokio::select! {
            plain = self.plain.accept() => plain.map(|(stream, peer)| (stream, peer, None)),
            secured = listener.accept() => secured.map(|(stream, peer)| {
                (stream, peer, Some(tls.acceptor().clone()))
            }),
        }
    }

    /// Reloads the certificate whenever its files change; never returns.
    async fn follow_files(&self) {
        match &self.tls {
            Some((_, tls)) => tls.follow_files().await,
            None => std::future::pending().await,
        }
    }
}

async fn accept(
    listeners: &Listeners,
    service: &Arc<Service>,
    warning: &AcceptWarning,
    graceful: &GracefulShutdown,
    stopping: &watch::Receiver<()>,
) {
    let builder = Arc::new(builder());
    let begin = |(stream, peer, tls), place| {
        let connection = Connection {
            peer,
            place,
            builder: builder.clone(),
            service: service.clone(),
            watcher: graceful.watcher(),
        };
        connection.begin(stream, tls, stopping.clone());
    };
    let most = connections_within_limit(service.limits().max_connections);
    accept_each(most, warning, || listeners.accept(), begin).await;
}

/// A client's connection, with or without TLS.
struct Connection {
    peer: SocketAddr,
    place: OwnedSemaphorePermit,
    builder: Arc<auto::Builder<TokioExecutor>>,
    service: Arc<Service>,
    watcher: Watcher,
}

impl Connection {
    /// Serves the connection in a task of its own.
    fn begin(self, stream: TcpStream, tls: Option<TlsAcceptor>, mut stopping: watch::Receiver<()>) {
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
            let patience = self.service.limits().head_timeout;
            let handshake = Box::pin(handshake(&acceptor, stream, patience));
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
            place,
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
            service.headers().clone(),
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
        drop((open, place));
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
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
