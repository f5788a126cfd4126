//! The operators' port: few connections, none of which stays for long without
//! asking for something, whoever it is that connects.

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

use super::{AdminState, router};
use crate::accept::{AcceptWarning, accept_each};
use crate::telemetry::NodeWarnings;

/// Connections at once: people, their tools, and what collects metrics.
const CONNECTIONS: usize = 256;

/// The operators' port: taken, and not yet open.
pub struct Admin {
    listener: std::net::TcpListener,
    address: SocketAddr,
    patience: Duration,
    warning: AcceptWarning,
}

/// The operators' port cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for operators: {source}")]
pub struct AdminError {
    address: SocketAddr,
    source: io::Error,
}

impl Admin {
    /// Take `address`. A connection ends when the whole head of its next
    /// request is not there within `patience`. What keeps others from being
    /// accepted is told to `warnings`.
    ///
    /// # Errors
    /// When it is not to be had.
    pub fn bind(
        address: SocketAddr,
        patience: Duration,
        warnings: Arc<NodeWarnings>,
    ) -> Result<Self, AdminError> {
        let fail = |source| AdminError { address, source };
        let listener = std::net::TcpListener::bind(address).map_err(fail)?;
        listener.set_nonblocking(true).map_err(fail)?;
        let address = listener.local_addr().map_err(fail)?;
        Ok(Self {
            listener,
            address,
            patience,
            warning: AcceptWarning::of_operators(warnings),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serve operators until `stop`, and finish what they have asked for.
    ///
    /// # Errors
    /// When the system takes the port away.
    pub async fn run(self, office: Arc<AdminState>, stop: CancellationToken) -> io::Result<()> {
        let listener = TcpListener::from_std(self.listener)?;
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.patience);
        let serving = Serving {
            http,
            router: router(office, stop.clone()),
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
