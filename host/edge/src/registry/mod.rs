//! Bundles in OCI registries: pushed once, pulled by whoever deploys them.
//!
//! Nothing that a registry sends is believed: a manifest, and every part that
//! it names, is what its digest says, and together they make the bundle whose
//! digest they name. A part that is longer than it may be, stops midway, or
//! does not come is refused as soon as that shows. The manifest is bounded by
//! time while it comes, and by length once it is there: the client reads it
//! whole.

mod error;
mod location;
mod login;
mod pull;
mod push;

use std::time::Duration;

use oci_client::Client;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;

pub use error::RegistryError;
pub use location::{Location, LocationError};
pub use pull::Pulled;

use crate::config::{Secret, Settings};
use login::Login;

type Result<T> = std::result::Result<T, RegistryError>;

/// Media type of a manifest.
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// How long a registry may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// To be reached.
    pub connect: Duration,
    /// For a short answer, and between two pieces of a long one.
    pub silence: Duration,
    /// For all of a bundle.
    pub whole: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            silence: Duration::from_secs(30),
            whole: Duration::from_mins(10),
        }
    }
}

/// Where a bundle is kept, or will be, and how to get there.
pub struct Registry {
    location: Location,
    login: Login,
    patience: Timeouts,
    client: Client,
}

impl Registry {
    /// The registry of `location`, with the login that the settings, or
    /// docker's file of them, have for it.
    ///
    /// # Errors
    /// When that login cannot be read, or this machine trusts nobody's
    /// certificates.
    pub fn of(location: Location, settings: &Settings, patience: Timeouts) -> Result<Self> {
        let host = location.host();
        let login = match &settings.registry_login {
            Some(Secret(login)) => Login::of_setting(login),
            None => Login::of_docker(host)?,
        };
        // As docker does: what is on this machine needs no TLS.
        let protocol = match location.is_loopback() {
            true => ClientProtocol::Http,
            false => ClientProtocol::Https,
        };
        // TLS takes the process's provider of cryptography. It is there
        // already if this fails.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::try_from(ClientConfig {
            protocol,
            use_monolithic_push: true,
            connect_timeout: Some(patience.connect),
            user_agent: concat!("edge/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        });
        let client = client.map_err(|error| RegistryError::of(&location, &login, error))?;
        Ok(Self {
            location,
            login,
            patience,
            client,
        })
    }

    fn auth(&self) -> &RegistryAuth {
        &self.login.auth
    }

    /// What went wrong, in words.
    fn trouble(&self, error: oci_client::errors::OciDistributionError) -> RegistryError {
        RegistryError::of(&self.location, &self.login, error)
    }

    /// The output of `work`, which has to come within `limit`.
    async fn within<T>(&self, limit: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
        let done = tokio::time::timeout(limit, work).await;
        done.unwrap_or_else(|_| {
            Err(RegistryError::TimedOut {
                host: self.location.host().to_owned(),
                limit,
            })
        })
    }
}
