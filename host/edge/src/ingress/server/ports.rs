//! The ports of the shop: bound, opened, and accepting connections.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::tls::{CertificateError, Tls};

/// Connections that the kernel queues for each port before they are accepted.
const BACKLOG: u32 = 1024;

/// A port that is bound or open.
pub(super) struct Port {
    socket: PortSocket,
    pub(super) address: SocketAddr,
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

impl Port {
    /// Binds a port without accepting connections.
    pub(super) fn take(address: SocketAddr) -> Result<Self, ServerError> {
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
    pub(super) fn of(listener: TcpListener) -> Result<Self, ServerError> {
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let address = listener.local_addr().map_err(|source| ServerError::Port {
            address: unknown,
            source,
        })?;
        let socket = PortSocket::Open(listener);
        Ok(Self { socket, address })
    }

    /// Lets clients connect.
    pub(super) fn open(self) -> Result<TcpListener, ServerError> {
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
    pub(super) plain: TcpListener,
    pub(super) tls: Option<(TcpListener, Tls)>,
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
    pub(super) async fn follow_files(&self) {
        match &self.tls {
            Some((_, tls)) => tls.follow_files().await,
            None => std::future::pending().await,
        }
    }
}
