//! Where a bundle comes from: a file, a plugin's folder, or a registry.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use ::bundle::Bundle;
use edge::config::Settings;
use edge::registry::{Location, LocationError, Registry, Timeouts};

use super::bundle;

/// What names a bundle on the command line.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// A file, or a plugin's folder.
    Path(PathBuf),
    /// `oci://...`
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

/// A bundle that was found.
pub(super) struct Found {
    pub(super) bundle: Bundle,
    /// Empty if nobody signed it.
    pub(super) signature: String,
    /// The registry's place for it, by digest, if it came from one.
    pub(super) origin: Option<Location>,
}

/// Read the bundle, and sign it where there is a key.
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
            let registry = Registry::of(location.clone(), settings, Timeouts::default())?;
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
