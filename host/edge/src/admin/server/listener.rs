//! Listener of the operators' port, with few connections and a limit on how
//! long each may be idle, even before a token is shown.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::accept::{AcceptWarning, accept_each};
use crate::admin::{AdminState, router};
use crate::telemetry::NodeWarnings;

/// Maximum number of connections: people, their tools, and metrics collectors.
const CONNECTIONS: usize = 256;

/// The operators' port, bound but not yet served.
pub struct Admin {
    listener: std::net::TcpListener,
    address: SocketAddr,
    idle_timeout: Duration,
    warning: AcceptWarning,
}

/// The operators' port cannot be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for operators: {source}")]
pub struct AdminError {
    address: SocketAddr,
    source: io::Error,
}

impl Admin {
    /// Binds `address`. A connection is closed if the whole head of its next
    /// request does not arrive within `idle_timeout`. Failures to accept
    /// connections are reported to `warnings`.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn bind(
        address: SocketAddr,
        idle_timeout: Duration,
        warnings: Arc<NodeWarnings>,
    ) -> Result<Self, AdminError> {
        let fail = |source| AdminError { address, source };
        let listener = std::net::TcpListener::bind(address).map_err(fail)?;
        listener.set_nonblocking(true).map_err(fail)?;
        let address = listener.local_addr().map_err(fail)?;
        Ok(Self {
            listener,
            address,
            idle_timeout,
            warning: AcceptWarning::of_operators(warnings),
        })
    }

    /// Returns the address that the listener is bound to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves operators until `stop`, then finishes the requests in flight.
    ///
    /// # Errors
    /// When the socket cannot be registered with the runtime.
    pub async fn run(self, state: Arc<AdminState>, stop: CancellationToken) -> io::Result<()> {
        let listener = TcpListener::from_std(self.listener)?;
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.idle_timeout);
        let serving = Serving {
            http,
            router: router(state, stop.clone()),
            graceful: GracefulShutdown::new(),
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = serving.accept(&listener, &self.warning) => {}
        }
        drop(listener);
        serving.graceful.shutdown().await;
        Ok(())
    }
}

struct Serving {
    http: http1::Builder,
    router: Router,
    graceful: GracefulShutdown,
}

impl Serving {
    async fn accept(&self, listener: &TcpListener, warning: &AcceptWarning) {
        let begin = |(stream, _), place| {
            let serving = self.serve(stream);
            tokio::spawn(async move {
                serving.await;
                drop(place);
            });
        };
        accept_each(CONNECTIONS, warning, || listener.accept(), begin).await;
    }

    fn serve(&self, stream: TcpStream) -> impl Future<Output = ()> + use<> {
        let service = TowerToHyperService::new(self.router.clone());
        let connection = self.http.serve_connection(TokioIo::new(stream), service);
        let connection = self.graceful.watch(connection);
        async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection of an operator ended");
            }
        }
    }
}
