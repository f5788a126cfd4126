//! Pushing of a bundle to a registry.

use std::collections::BTreeMap;

use bundle::artifact::{CONFIG, LAYER};
use bundle::{Bundle, BundleError, Digest};
use bytes::Bytes;
use http::HeaderValue;
use oci_client::RegistryOperation;
use oci_client::manifest::{OciDescriptor, OciImageManifest};

use super::{Location, MANIFEST, Registry, RegistryError, Result};

/// OCI annotations that all tools show.
const TITLE: &str = "org.opencontainers.image.title";
const VERSION: &str = "org.opencontainers.image.version";

impl Registry {
    /// Pushes `bundle`, with its signature if there is one, under the tag. Returns the location
    /// with its digest.
    ///
    /// # Errors
    /// Returns an error if the registry refuses the bundle. The tag is then unchanged.
    pub async fn push(&self, bundle: &Bundle, signature: &str) -> Result<Location> {
        let invalid = |source: BundleError| RegistryError::Bundle {
            location: self.location.clone(),
            source,
        };
        let config = Bytes::from(bundle.artifact_config(signature).map_err(invalid)?);
        let manifest = manifest(bundle, &config);
        let manifest = serde_json::to_vec(&manifest)
            .map_err(|error| invalid(BundleError::Artifact(error.to_string())))?;
        let pinned = self.location.pinned(Digest::of(&manifest));
        self.within(self.timeouts.whole, async {
            let (client, reference) = (&self.client, self.location.reference());
            client
                .auth(&reference, self.auth(), RegistryOperation::Push)
                .await
                .map_err(|error| self.error(error))?;
            self.put(bundle.wasm.clone()).await?;
            self.put(config).await?;
            // The tag is moved last, once all parts are there.
            let kind = HeaderValue::from_static(MANIFEST);
            client
                .push_manifest_raw(&reference, manifest, kind)
                .await
                .map_err(|error| self.error(error))?;
            // The manifest is read back, so that a registry that stores other bytes is noticed now
            // and not by a later pull.
            client
                .pull_manifest_raw(&pinned.reference(), self.auth(), &[MANIFEST])
                .await
                .map_err(|error| self.error(error))?;
            Ok(())
        })
        .await?;
        Ok(pinned)
    }

    /// Uploads a part unless the registry has it.
    async fn put(&self, part: Bytes) -> Result<()> {
        let reference = self.location.reference();
        let digest = Digest::of(&part).to_string();
        let known = self.client.blob_exists(&reference, &digest).await;
        if !known.map_err(|error| self.error(error))? {
            let pushed = self.client.push_blob(&reference, part, &digest).await;
            pushed.map_err(|error| self.error(error))?;
        }
        Ok(())
    }
}

fn manifest(bundle: &Bundle, config: &Bytes) -> OciImageManifest {
    let annotations = [
        (TITLE, bundle.manifest.name.clone()),
        (VERSION, bundle.manifest.version.to_string()),
    ];
    let annotations = annotations.map(|(key, value)| (key.to_owned(), value));
    OciImageManifest {
        media_type: Some(MANIFEST.to_owned()),
        config: descriptor(CONFIG, config),
        layers: vec![descriptor(LAYER, &bundle.wasm)],
        annotations: Some(BTreeMap::from(annotations)),
        ..OciImageManifest::default()
    }
}

fn descriptor(media_type: &str, content: &Bytes) -> OciDescriptor {
    OciDescriptor {
        media_type: media_type.to_owned(),
        digest: Digest::of(content).to_string(),
        size: i64::try_from(content.len()).unwrap_or(i64::MAX),
        ..OciDescriptor::default()
    }
}
