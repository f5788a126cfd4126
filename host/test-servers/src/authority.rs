//! A certificate authority that only the tests trust.

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// Certificate authority for 127.0.0.1 and localhost.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    /// Creates a certificate authority with this common name.
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::new([]).expect("no names");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let names = &mut parameters.distinguished_name;
        names.push(DnType::CommonName, name);
        let own = parameters.self_signed(&key).expect("a certificate");
        Self {
            pem: own.pem(),
            issuer: Issuer::new(parameters, key),
        }
    }

    /// Returns the authority's own certificate, in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Writes `ca.pem`, `server.pem` and `server-key.pem` for a server on this machine into
    /// `folder`.
    pub fn issue(&self, folder: &Path) {
        let key = KeyPair::generate().expect("a key");
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let parameters = CertificateParams::new(names).expect("names");
        let certificate = parameters.signed_by(&key, &self.issuer);
        let certificate = certificate.expect("a certificate");
        let write = |file: &str, text: &str| fs::write(folder.join(file), text).expect(file);
        write("server-key.pem", &key.serialize_pem());
        write("server.pem", &certificate.pem());
        write("ca.pem", &self.pem);
    }
}
