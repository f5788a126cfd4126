//! OCI artifacts: the form in which registries store bundles.
//!
//! Tools that pull WebAssembly from registries accept artifacts of one layout only: a configuration
//! of media type [`CONFIG`] and one layer, the component. So the bundle's component is the layer,
//! and its other files, all of them text, are stored in the configuration under a key of their own,
//! which other tools ignore. Nothing is stored twice. Both parts together make the same bundle
//! again, byte for byte, which is verified by its digest.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::files::{COMPONENT, Files, MANIFEST};
use super::{Bundle, BundleError, Digest};
use crate::component;

/// Media type of the configuration.
pub const CONFIG: &str = "application/vnd.wasm.config.v0+json";

/// Media type of the layer.
pub const LAYER: &str = "application/wasm";

/// Constant creation time, so that the same bundle always makes the same artifact.
const CREATED: &str = "1970-01-01T00:00:00Z";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    created: &'static str,
    architecture: &'static str,
    os: &'static str,
    layer_digests: [Digest; 1],
    component: Interfaces,
    edge: Rest,
}

#[derive(Serialize)]
struct Interfaces {
    imports: Vec<String>,
    exports: Vec<String>,
}

/// Part of the configuration that `edge push` adds.
#[derive(Deserialize)]
struct Ours {
    edge: Option<Rest>,
}

/// Contents of a bundle besides its component.
#[derive(Serialize, Deserialize)]
struct Rest {
    /// Digest of the bundle.
    release: Digest,
    /// Signature of the bundle; empty if it is not signed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    signature: String,
    /// Text files of the bundle, by name.
    files: BTreeMap<String, String>,
}

impl Bundle {
    /// Returns the configuration of the bundle's artifact, whose layer is the component.
    ///
    /// # Errors
    /// Returns an error if the component is invalid.
    pub fn artifact_config(&self, signature: &str) -> Result<Vec<u8>, BundleError> {
        let names = component::names(&self.wasm);
        let names = names.map_err(|error| BundleError::Artifact(error.to_string()))?;
        let config = Config {
            created: CREATED,
            architecture: "wasm",
            os: "wasip2",
            layer_digests: [Digest::of(&self.wasm)],
            component: Interfaces {
                imports: names.imports,
                exports: names.exports,
            },
            edge: Rest {
                release: self.digest(),
                signature: signature.to_owned(),
                files: self.texts(),
            },
        };
        serde_json::to_vec(&config).map_err(|error| BundleError::Artifact(error.to_string()))
    }

    /// Returns the bundle of an artifact and its signature, which is empty if it is not signed.
    ///
    /// # Errors
    /// Returns an error if [`artifact_config`](Self::artifact_config) did not write the
    /// configuration, or if the parts make another bundle than it names.
    pub fn of_artifact(config: &[u8], wasm: Bytes) -> Result<(Self, String), BundleError> {
        let config = serde_json::from_slice::<Ours>(config);
        let config = config.map_err(|error| BundleError::Artifact(error.to_string()))?;
        let Some(rest) = config.edge else {
            let reason = "it is a component without a plugin's manifest; `edge push` makes one";
            return Err(BundleError::Artifact(reason.to_owned()));
        };
        let mut files = Files::default();
        for (name, text) in rest.files {
            files.add(&name, text.into_bytes().into())?;
        }
        files.add(COMPONENT, wasm)?;
        let component = format!("of the bundle {}", rest.release.short());
        let bundle = files.into_parts()?.into_bundle(MANIFEST, component)?;
        if bundle.digest() != rest.release {
            return Err(BundleError::OtherBundle {
                named: rest.release,
                found: bundle.digest(),
            });
        }
        Ok((bundle, rest.signature))
    }
}
