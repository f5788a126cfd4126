//! Pulling of a bundle from a registry.

use bundle::artifact::{CONFIG, LAYER};
use bundle::{Bundle, Digest, LONGEST};
use bytes::Bytes;
use futures_util::TryStreamExt;
use oci_client::RegistryOperation;
use oci_client::manifest::{OciDescriptor, OciImageManifest};

use super::{Location, MANIFEST, Registry, RegistryError, Result};

/// Greatest length of a manifest in bytes, which registries have too.
const MAX_MANIFEST_BYTES: usize = 4 << 20;

/// Names of the parts of an artifact, for messages.
const CONFIGURATION: &str = "the configuration";
const COMPONENT: &str = "the component";

/// A bundle that was pulled from a registry.
pub struct Pulled {
    /// The verified bundle.
    pub bundle: Bundle,
    /// Signature of the bundle; empty if it has none.
    pub signature: String,
    /// Location with the digest to which the tag was resolved.
    pub location: Location,
}

/// A part of an artifact, as the manifest describes it.
struct Part {
    name: &'static str,
    digest: Digest,
    size: usize,
}

impl Registry {
    /// Pulls the bundle. A tag is resolved once: everything else is requested by digest.
    ///
    /// # Errors
    /// Returns an error if the bundle cannot be pulled, or does not match its digests.
    pub async fn pull(&self) -> Result<Pulled> {
        self.within(self.timeouts.whole, async {
            let (location, manifest) = self.manifest().await?;
            let [config, component] = parts(&location, &manifest)?;
            let config = self.part(&location, &config).await?;
            let component = self.part(&location, &component).await?;
            let found = Bundle::of_artifact(&config, component);
            let (bundle, signature) = found.map_err(|source| RegistryError::Bundle {
                location: location.clone(),
                source,
            })?;
            Ok(Pulled {
                bundle,
                signature,
                location,
            })
        })
        .await
    }

    async fn manifest(&self) -> Result<(Location, OciImageManifest)> {
        let reference = self.location.reference();
        let fetched = self.within(self.timeouts.silence, async {
            let client = &self.client;
            client
                .auth(&reference, self.auth(), RegistryOperation::Pull)
                .await
                .map_err(|error| self.error(error))?;
            client
                .pull_manifest_raw(&reference, self.auth(), &[MANIFEST])
                .await
                .map_err(|error| self.error(error))
        });
        let (bytes, _) = fetched.await?;
        if bytes.len() > MAX_MANIFEST_BYTES {
            return Err(RegistryError::TooLong {
                location: self.location.clone(),
                part: "the manifest",
                limit: MAX_MANIFEST_BYTES as u64,
            });
        }
        let location = self.location.pinned(Digest::of(&bytes));
        if self
            .location
            .digest()
            .is_some_and(|named| Some(named) != location.digest())
        {
            return Err(RegistryError::Changed {
                location: self.location.clone(),
                part: "the manifest",
            });
        }
        match serde_json::from_slice(&bytes) {
            Ok(manifest) => Ok((location, manifest)),
            Err(error) => Err(no_bundle(&location, format!("its manifest: {error}"))),
        }
    }

    /// Pulls a part, whose length and digest must be those of the manifest.
    async fn part(&self, location: &Location, part: &Part) -> Result<Bytes> {
        let bytes = self.read_part(location, part).await?;
        if bytes.len() < part.size {
            return Err(cut_off(location, part, bytes.len()));
        }
        if Digest::of(&bytes) != part.digest {
            return Err(RegistryError::Changed {
                location: location.clone(),
                part: part.name,
            });
        }
        Ok(bytes.into())
    }

    /// Reads the bytes of a part until its end, and no more of them than the manifest says.
    async fn read_part(&self, location: &Location, part: &Part) -> Result<Vec<u8>> {
        let reference = location.reference();
        let descriptor = OciDescriptor {
            digest: part.digest.to_string(),
            ..OciDescriptor::default()
        };
        let opened = self.within(self.timeouts.silence, async {
            let stream = self.client.pull_blob_stream(&reference, &descriptor).await;
            stream.map_err(|error| self.error(error))
        });
        let mut stream = opened.await?.stream;
        let mut bytes = Vec::with_capacity(part.size);
        loop {
            let next = self.within(self.timeouts.silence, async { Ok(stream.try_next().await) });
            match next.await? {
                Ok(Some(piece)) if bytes.len() + piece.len() <= part.size => bytes.extend(&piece),
                Ok(Some(_)) => {
                    return Err(RegistryError::TooLong {
                        location: location.clone(),
                        part: part.name,
                        limit: part.size as u64,
                    });
                }
                Ok(None) => return Ok(bytes),
                // All bytes arrived before the client noticed that their digest is wrong, which is
                // reported by the caller.
                Err(_) if bytes.len() == part.size => return Ok(bytes),
                Err(_) => return Err(cut_off(location, part, bytes.len())),
            }
        }
    }
}

/// Returns the configuration and the component of a manifest, if it describes a bundle.
fn parts(location: &Location, manifest: &OciImageManifest) -> Result<[Part; 2]> {
    let found = &manifest.config.media_type;
    if found != CONFIG {
        return Err(no_bundle(location, format!("it is of the kind {found:?}")));
    }
    let [layer] = manifest.layers.as_slice() else {
        let count = manifest.layers.len();
        return Err(no_bundle(
            location,
            format!("it has {count} layers, not one"),
        ));
    };
    let found = &layer.media_type;
    if found != LAYER {
        return Err(no_bundle(
            location,
            format!("its layer is of the kind {found:?}"),
        ));
    }
    Ok([
        part(location, CONFIGURATION, &manifest.config)?,
        part(location, COMPONENT, layer)?,
    ])
}

fn part(location: &Location, name: &'static str, descriptor: &OciDescriptor) -> Result<Part> {
    let digest = descriptor.digest.parse();
    let digest = digest.map_err(|error| no_bundle(location, format!("{name}: {error}")))?;
    match usize::try_from(descriptor.size) {
        Ok(size) if size <= LONGEST => Ok(Part { name, digest, size }),
        _ => Err(RegistryError::TooLong {
            location: location.clone(),
            part: name,
            limit: LONGEST as u64,
        }),
    }
}

fn no_bundle(location: &Location, reason: String) -> RegistryError {
    RegistryError::NoBundle {
        location: location.clone(),
        reason,
    }
}

fn cut_off(location: &Location, part: &Part, came: usize) -> RegistryError {
    RegistryError::CutOff {
        location: location.clone(),
        part: part.name,
        came: came as u64,
        size: part.size as u64,
    }
}
