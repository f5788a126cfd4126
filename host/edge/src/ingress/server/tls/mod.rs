//! The TLS port: its certificate, and the handshake.

mod certificate;
mod validity;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

pub use certificate::CertificateError;
use certificate::{Certificates, Stamp};
pub use validity::CertificateValidity;

use crate::config::TlsSettings;
use crate::telemetry::NodeWarnings;

/// ALPN protocols, the preferred first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// TLS for connections, with a certificate that is reloaded when its files change.
pub(super) struct Tls {
    acceptor: TlsAcceptor,
    certificates: Arc<Certificates>,
    seen: Stamp,
}

impl Tls {
    /// Reads the certificate and its key.
    pub(super) fn open(
        settings: &TlsSettings,
        warnings: Arc<NodeWarnings>,
    ) -> Result<Self, CertificateError> {
        let provider = Arc::new(ring::default_provider());
        let (certificates, seen) = Certificates::open(settings, provider.clone(), warnings)?;
        let certificates = Arc::new(certificates);
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(CertificateError::Unsupported)?
            .with_no_client_auth()
            .with_cert_resolver(certificates.clone());
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            certificates,
            seen,
        })
    }

    /// Returns the validity of the current certificate.
    pub(super) fn validity(&self) -> &Arc<CertificateValidity> {
        self.certificates.validity()
    }

    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// Reloads the certificate files whenever they change; never returns. Connections keep the
    /// certificate with which they began.
    pub(super) async fn follow_files(&self) {
        self.certificates.clone().follow(self.seen).await;
    }
}

/// Completes the handshake with a client within `timeout`.
pub(super) async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
    acceptor: &TlsAcceptor,
    stream: S,
    timeout: Duration,
) -> io::Result<TlsStream<S>> {
    match tokio::time::timeout(timeout, acceptor.accept(stream)).await {
        Ok(outcome) => outcome,
        Err(elapsed) => Err(elapsed.into()),
    }
}
