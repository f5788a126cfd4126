//! Bundles: a plugin in one file. The same content always makes the same
//! bytes, so a release is named by their digest.
//!
//! A bundle is a tar archive of `plugin.toml`, `component.wasm`, perhaps
//! `openapi.yaml`, and `migrations/<dialect>/<version>_<name>.sql`, in that
//! order and with nothing of the machine that made it: no times, no owners.

mod archive;
pub mod artifact;
pub mod component;
mod counter;
mod digest;
mod files;
mod folder;
pub mod manifest;
mod migrations;
pub mod openapi;
pub mod rate_limit;
mod signature;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;

use bytes::Bytes;

pub use counter::CounterDeclaration;
pub use digest::{ALGORITHM, Digest, DigestError};
pub use folder::describe;
pub use migrations::{Dialect, Migration, Migrations, split_name};
pub use signature::{KeyTextError, PublicKey, SecretKey, SignatureError, TrustedKey, TrustedKeys};

use manifest::{Manifest, ManifestError};

/// Longest bundle, in bytes. A component from JavaScript has 13 MB.
pub const LONGEST: usize = 64 << 20;

/// A plugin in one file.
#[derive(Clone)]
pub struct Bundle {
    /// What the plugin says of itself.
    pub manifest: Manifest,
    /// The same, as it was written.
    pub manifest_text: String,
    /// The component.
    pub wasm: Bytes,
    /// Where the component came from, for messages.
    pub component: String,
    /// The description of its API.
    pub openapi: Option<String>,
    /// What makes its tables.
    pub migrations: Migrations,
    archive: Bytes,
    digest: Digest,
}

/// Something is no bundle, or cannot become one.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The manifest is missing or wrong.
    #[error("{file}: {source}")]
    Manifest {
        /// The manifest.
        file: String,
        /// What is wrong.
        source: ManifestError,
    },
    /// The component is missing.
    #[error("plugin {plugin}: the component {} cannot be read: {source}", path.display())]
    Component {
        /// The plugin.
        plugin: String,
        /// The component.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another file of the plugin's folder.
    #[error("{} cannot be read: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The bytes are no tar archive.
    #[error("the bundle is not a tar archive: {0}")]
    Archive(#[from] io::Error),
    /// The archive lacks a file.
    #[error("the bundle holds no {0}")]
    Missing(&'static str),
    /// The archive holds something that no bundle does.
    #[error("the bundle holds {0:?}, which does not belong there")]
    Unknown(String),
    /// The same content in other bytes: it would be the same release under
    /// another name.
    #[error("the bundle is not as `edge bundle` writes it; make it anew")]
    NotCanonical,
    /// An artifact of a registry that is none of ours.
    #[error("the artifact is not as `edge push` writes it: {0}")]
    Artifact(String),
    /// An artifact that was put together anew.
    #[error("the artifact's parts make the bundle {found}, and it says that they make {named}")]
    OtherBundle {
        /// What it says.
        named: Digest,
        /// What it holds.
        found: Digest,
    },
    /// The bytes are of another bundle than they should be.
    #[error("the bundle's digest is {found}, not {named}: it was cut or changed")]
    OtherDigest {
        /// The digest that it should have.
        named: Digest,
        /// The digest that it has.
        found: Digest,
    },
    /// Longer than a node takes.
    #[error("the bundle has {0} bytes; at most {LONGEST} are taken")]
    TooLong(usize),
}

impl Bundle {
    /// The bundle as one file.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.archive
    }

    /// Names the release.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// What a bundle is made of.
struct Parts {
    manifest: String,
    wasm: Bytes,
    openapi: Option<String>,
    migrations: Migrations,
}
