//! Settings of the TLS port and its certificate.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::layers::Layers;
use super::values::address;

/// The settings of the port with TLS.
#[derive(Debug, Clone)]
pub struct TlsSettings {
    /// Address of the port. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// PEM file of the certificate, followed by its intermediate certificates.
    pub certificate: PathBuf,
    /// PEM file of the certificate's private key.
    pub key: PathBuf,
}

impl TlsSettings {
    /// Takes these settings out of `layers`: all of them, or none.
    pub(super) fn take(layers: &mut Layers) -> Option<Self> {
        let path = |text: &str| Ok(Some(PathBuf::from(text)));
        let listen = layers.take("tls_listen", None, |text| address(text).map(Some));
        let certificate = layers.take("tls_certificate", None, path);
        let key = layers.take("tls_key", None, path);
        match (listen, certificate, key) {
            (Some(listen), Some(certificate), Some(key)) => Some(Self {
                listen,
                certificate,
                key,
            }),
            (None, None, None) => None,
            _ => {
                layers.complain(
                    "tls_listen, tls_certificate and tls_key are set together or not at all",
                );
                None
            }
        }
    }
}
