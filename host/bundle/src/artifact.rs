//! A bundle as registries keep it.
//!
//! Tools that pull WebAssembly from registries take artifacts of one layout
//! only: a configuration of [`CONFIG`] and one layer, the component. So a
//! bundle is one: its component is the layer, and everything else of it, text
//! all, stands in the configuration under a key of its own, which others pass
//! over. Nothing is kept twice. The two make the same bundle again, byte for
//! byte, and its digest says so.

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

/// The same bundle makes the same artifact, whenever that is.
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

/// What of the configuration is ours.
#[derive(Deserialize)]
struct Ours {
    edge: Option<Rest>,
}

/// What a bundle holds besides its component.
#[derive(Serialize, Deserialize)]
struct Rest {
    /// The bundle's digest.
    release: Digest,
    /// The signature that came with it, if any.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    signature: String,
    /// Its files, by their names in it.
    files: BTreeMap<String, String>,
}

impl Bundle {
    /// The configuration of the artifact whose layer is the component.
    ///
    /// # Errors
    /// When the component is none.
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

    /// The bundle of an artifact, and its signature; empty if it has none.
    ///
    /// # Errors
    /// When it is not what [`artifact_config`](Self::artifact_config) wrote,
    /// or makes another bundle than it names.
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
