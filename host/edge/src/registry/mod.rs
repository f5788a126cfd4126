//! Pushing and pulling of bundles in OCI registries.
//!
//! Data from a registry is not trusted: a manifest and every part that it names must match their
//! digests, and together they must make the bundle whose digest they name. A part that is too long,
//! is cut off or does not arrive is refused as soon as that is noticed. The manifest is limited by
//! time while it arrives, and by length afterwards, since the client reads it whole.

mod error;
mod location;
mod login;
mod pull;
mod push;

use std::time::Duration;

use oci_client::Client;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError;
use oci_client::secrets::RegistryAuth;

pub use error::RegistryError;
pub use location::{Location, LocationError};
pub use pull::Pulled;

use crate::config::{Secret, Settings};
use login::Login;

type Result<T> = std::result::Result<T, RegistryError>;

/// Media type of an OCI image manifest.
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Time limits for a registry.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Time limit for a connection.
    pub connect: Duration,
    /// Time limit for a short reply, and between two pieces of a long one.
    pub silence: Duration,
    /// Time limit for a whole bundle.
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

/// Client of the registry of one bundle.
pub struct Registry {
    location: Location,
    login: Login,
    timeouts: Timeouts,
    client: Client,
}

impl Registry {
    /// Returns a client of the registry of `location`, with the login for it from the settings or
    /// from docker's configuration file.
    ///
    /// # Errors
    /// Returns an error if the login cannot be read, or no certificate authorities are trusted on
    /// this machine.
    pub fn new(location: Location, settings: &Settings, timeouts: Timeouts) -> Result<Self> {
        let host = location.host();
        let login = match &settings.releases.registry_login {
            Some(Secret(login)) => Login::from_setting(login),
            None => Login::from_docker(host)?,
        };
        // A registry on this machine is used without TLS, as docker does.
        let protocol = match location.is_loopback() {
            true => ClientProtocol::Http,
            false => ClientProtocol::Https,
        };
        // TLS uses the process's default cryptography provider. The call fails if one is installed
        // already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::try_from(ClientConfig {
            protocol,
            use_monolithic_push: true,
            connect_timeout: Some(timeouts.connect),
            user_agent: concat!("edge/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        });
        let client = client
            .map_err(|error| RegistryError::from_client(&location, login.user.as_deref(), error))?;
        Ok(Self {
            location,
            login,
            timeouts,
            client,
        })
    }

    fn auth(&self) -> &RegistryAuth {
        &self.login.auth
    }

    /// Converts an error of the client.
    fn error(&self, error: OciDistributionError) -> RegistryError {
        RegistryError::from_client(&self.location, self.login.user.as_deref(), error)
    }

    /// Waits for the result of `work` within `limit`.
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
