//! Sources of a bundle: a file, a plugin's folder, or a registry.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, bail};
use bundle::{Bundle, SecretKey};

use crate::config::Settings;
use crate::registry::{Location, LocationError, Registry, Timeouts};

/// Extension of the file of a bundle's signature, appended to the bundle's
/// name.
const SIGNATURE: &str = "sig";

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
            bundle: read(path)?,
            signature: match key {
                Some(_) => String::new(),
                None => read_signature(path)?,
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
        found.signature = read_key(key)?.sign(found.bundle.digest());
    }
    Ok(found)
}

/// Returns the bundle in a file, or the one made from a plugin's folder.
pub(super) fn read(path: &Path) -> anyhow::Result<Bundle> {
    if path.is_dir() {
        return Ok(Bundle::pack(path)?);
    }
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    Bundle::parse(bytes.into()).with_context(|| path.display().to_string())
}

/// Reads the secret key in a file.
pub(super) fn read_key(path: &Path) -> anyhow::Result<SecretKey> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let key = text.parse::<SecretKey>();
    key.map_err(|error| anyhow::anyhow!("{} {error}", path.display()))
}

/// Reads the signature beside a bundle; empty if there is none. A folder has
/// none, as its contents may have changed since.
fn read_signature(bundle: &Path) -> anyhow::Result<String> {
    if bundle.is_dir() {
        return Ok(String::new());
    }
    let path = signature_file(bundle);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => bail!("{}: {error}", path.display()),
    }
}

/// Returns the file of the signature of the bundle in a file.
pub(super) fn signature_file(bundle: &Path) -> PathBuf {
    let mut name = bundle.as_os_str().to_owned();
    name.push(".");
    name.push(SIGNATURE);
    name.into()
}
