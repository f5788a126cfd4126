//! Sources of a bundle: a file, a plugin's folder, or a registry.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use ::bundle::Bundle;
use edge::config::Settings;
use edge::registry::{Location, LocationError, Registry, Timeouts};

use super::bundle;

/// Source of a bundle, as named on the command line.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// File, or a plugin's folder.
    Path(PathBuf),
    /// Location in a registry, as `oci://...`.
    Registry(Location),
}

impl FromStr for Source {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        match Location::is_meant_by(text) {
            true => text.parse().map(Self::Registry),
            false => Ok(Self::Path(text.into())),
        }
    }
}

/// A bundle that was read, with its signature.
pub(super) struct Found {
    pub(super) bundle: Bundle,
    /// Signature, empty if the bundle is not signed.
    pub(super) signature: String,
    /// Location in the registry, by digest, if the bundle came from one.
    pub(super) origin: Option<Location>,
}

/// Reads the bundle, and signs it if there is a key.
pub(super) async fn find(
    settings: &Settings,
    source: &Source,
    key: Option<&Path>,
) -> anyhow::Result<Found> {
    let mut found = match source {
        Source::Path(path) => Found {
            bundle: bundle::read(path)?,
            signature: match key {
                Some(_) => String::new(),
                None => bundle::read_signature(path)?,
            },
            origin: None,
        },
        Source::Registry(location) => {
            let registry = Registry::new(location.clone(), settings, Timeouts::default())?;
            let pulled = registry.pull().await?;
            Found {
                bundle: pulled.bundle,
                signature: pulled.signature,
                origin: Some(pulled.location),
            }
        }
    };
    if let Some(key) = key {
        found.signature = bundle::read_key(key)?.sign(found.bundle.digest());
    }
    Ok(found)
}
