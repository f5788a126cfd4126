//! The certificate and its key: read from PEM files, and reloaded when those change. New files that
//! cannot be used change nothing.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::validity::{CertificateValidity, Period};
use crate::config::TlsSettings;
use crate::telemetry::NodeWarnings;

/// Time between two checks of the files.
const LOOK: Duration = Duration::from_secs(2);

/// Error of reading a certificate and its key.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read, or is not PEM.
    #[error("{} cannot be used: {source}", path.display())]
    File {
        /// Path of the file.
        path: PathBuf,
        /// Error of reading or parsing it.
        source: pem::Error,
    },
    /// The file holds no certificate.
    #[error("{} holds no certificate", .0.display())]
    Empty(PathBuf),
    /// Certificate and key do not match, or are of an unsupported type.
    #[error("{} and {} cannot be used: {source}", certificate.display(), key.display())]
    Pair {
        /// Path of the certificate's file.
        certificate: PathBuf,
        /// Path of the key's file.
        key: PathBuf,
        /// Error of rustls.
        source: rustls::Error,
    },
    /// The TLS library was built without a protocol version that is needed.
    #[error("TLS cannot be had: {0}")]
    Unsupported(rustls::Error),
}

/// Certificate files, and the last usable pair that was read from them.
#[derive(Debug)]
pub(super) struct Certificates {
    certificate: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    current: ArcSwap<CertifiedKey>,
    validity: Arc<CertificateValidity>,
}

/// Modification times, lengths and inodes of both files, which tell whether a file has changed.
pub(super) type Stamp = [Option<(SystemTime, u64, u64)>; 2];

impl Certificates {
    /// Reads the files for the first time.
    pub(super) fn open(
        settings: &TlsSettings,
        provider: Arc<CryptoProvider>,
        warnings: Arc<NodeWarnings>,
    ) -> Result<(Self, Stamp), CertificateError> {
        let TlsSettings {
            certificate, key, ..
        } = settings;
        let seen = stamp(certificate, key);
        let current = read(certificate, key, &provider)?;
        let validity = CertificateValidity::new(warnings);
        validity.set(Period::of(&current.cert));
        let certificates = Self {
            validity: Arc::new(validity),
            certificate: certificate.clone(),
            key: key.clone(),
            provider,
            current: ArcSwap::from_pointee(current),
        };
        Ok((certificates, seen))
    }

    /// Returns the validity of the current certificate.
    pub(super) fn validity(&self) -> &Arc<CertificateValidity> {
        &self.validity
    }

    /// Checks the files periodically, from their state `seen` on; never returns.
    pub(super) async fn follow(self: Arc<Self>, mut seen: Stamp) {
        loop {
            tokio::time::sleep(LOOK).await;
            let this = self.clone();
            // A file system may hang, and must not block requests.
            let looking = tokio::task::spawn_blocking(move || this.look(seen));
            seen = looking.await.unwrap_or(seen);
        }
    }

    /// Reloads the files if they have changed. Their stamp is taken before they are read, so a
    /// change during the read is found at the next check.
    fn look(&self, seen: Stamp) -> Stamp {
        let now = stamp(&self.certificate, &self.key);
        if now == seen {
            self.validity.look();
            return seen;
        }
        match read(&self.certificate, &self.key, &self.provider) {
            Ok(pair) => {
                let period = Period::of(&pair.cert);
                self.current.store(Arc::new(pair));
                let file = self.certificate.display();
                tracing::info!(%file, "new connections get the new certificate");
                self.validity.set(period);
            }
            Err(error) => {
                tracing::warn!(%error, "the new certificate is not used; the old one stays");
            }
        }
        now
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

fn read(
    certificate: &Path,
    key: &Path,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, CertificateError> {
    let wrong = |path: &Path| {
        let path = path.to_owned();
        move |source| CertificateError::File { path, source }
    };
    let chain = CertificateDer::pem_file_iter(certificate).map_err(wrong(certificate))?;
    let chain: Result<Vec<_>, _> = chain.collect();
    let chain = chain.map_err(wrong(certificate))?;
    if chain.is_empty() {
        return Err(CertificateError::Empty(certificate.to_owned()));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(wrong(key))?;
    CertifiedKey::from_der(chain, secret, provider).map_err(|source| CertificateError::Pair {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        source,
    })
}

fn stamp(certificate: &Path, key: &Path) -> Stamp {
    [certificate, key].map(|path| {
        let file = fs::metadata(path).ok()?;
        Some((file.modified().ok()?, file.len(), file.ino()))
    })
}
