//! The listeners of the shop's ports: a bounded number of connections, and a graceful shutdown.

mod connection;
mod lingering;
mod ports;
mod reply_body;
mod timed_io;
mod tls;
mod waiting;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use tokio::sync::watch;

use self::connection::{Connection, builder};
use self::ports::{Listeners, Port};
use self::tls::Tls;
use super::pipeline::Service;
use crate::accept::{AcceptWarning, accept_each};
use crate::config::Settings;
use crate::descriptors::connections_within_limit;
use crate::telemetry::NodeWarnings;

pub use ports::ServerError;
pub use tls::{CertificateError, CertificateValidity};

/// The shop's ports: bound, and not yet open.
pub struct Server {
    plain: Port,
    tls: Option<(Port, Tls)>,
    unready_delay: Duration,
    warnings: Arc<NodeWarnings>,
}

impl Server {
    /// Binds the ports of `settings` without accepting connections: a port that is in use is
    /// noticed before minutes of work, and no client connects to a node that is not ready.
    /// `warnings` get a certificate that is about to expire.
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
            unready_delay: settings.stop.unready_delay,
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

async fn accept(
    listeners: &Listeners,
    service: &Arc<Service>,
    warning: &AcceptWarning,
    graceful: &GracefulShutdown,
    stopping: &watch::Receiver<()>,
) {
    let builder = Arc::new(builder());
    let begin = |(stream, peer, tls), permit| {
        let connection = Connection {
            peer,
            permit,
            builder: builder.clone(),
            service: service.clone(),
            watcher: graceful.watcher(),
        };
        connection.begin(stream, tls, stopping.clone());
    };
    let most = connections_within_limit(service.limits().max_connections);
    accept_each(most, warning, || listeners.accept(), begin).await;
}
