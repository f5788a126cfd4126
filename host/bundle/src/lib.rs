//! Bundles: each holds a plugin in one file. The same content always has the same bytes, so the
//! digest of the file names the release.
//!
//! A bundle is a tar archive of `plugin.toml`, `component.wasm`, optionally `openapi.yaml`, and
//! `migrations/<dialect>/<version>_<name>.sql`, in that order. Nothing in it depends on the machine
//! that made it: there are no times and no owners.

#![warn(unreachable_pub)]

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

/// Maximum length of a bundle, in bytes. A component built from JavaScript has 13 MB.
pub const LONGEST: usize = 64 << 20;

/// A plugin in one file, parsed.
#[derive(Clone)]
pub struct Bundle {
    /// Parsed `plugin.toml`.
    pub manifest: Manifest,
    /// Text of `plugin.toml`, as it was written.
    pub manifest_text: String,
    /// WebAssembly component of the plugin.
    pub wasm: Bytes,
    /// Origin of the component, for messages.
    pub component: String,
    /// OpenAPI document of the plugin, if it has one.
    pub openapi: Option<String>,
    /// Migrations of the plugin's tables.
    pub migrations: Migrations,
    archive: Bytes,
    digest: Digest,
}

/// Error of reading or packing a bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The manifest is missing or invalid.
    #[error("{file}: {source}")]
    Manifest {
        /// Path of the manifest.
        file: String,
        /// Error in the manifest.
        source: ManifestError,
    },
    /// The component cannot be read.
    #[error("plugin {plugin}: the component {} cannot be read: {source}", path.display())]
    Component {
        /// Name of the plugin.
        plugin: String,
        /// Path of the component.
        path: PathBuf,
        /// Error from the file system.
        source: io::Error,
    },
    /// Another file in the plugin's folder cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    File {
        /// Path of the file.
        path: PathBuf,
        /// Error from the file system.
        source: io::Error,
    },
    /// The bytes are not a tar archive.
    #[error("the bundle is not a tar archive: {0}")]
    Archive(#[from] io::Error),
    /// The archive lacks a required file.
    #[error("the bundle holds no {0}")]
    Missing(&'static str),
    /// The archive holds a file that does not belong in a bundle.
    #[error("the bundle holds {0:?}, which does not belong there")]
    Unknown(String),
    /// The archive differs from the canonical one of the same content, so one release would have
    /// two digests.
    #[error("the bundle is not as `edge bundle` writes it; make it anew")]
    NotCanonical,
    /// The artifact from a registry is not one that `edge push` wrote.
    #[error("the artifact is not as `edge push` writes it: {0}")]
    Artifact(String),
    /// The artifact's parts make another bundle than it names.
    #[error("the artifact's parts make the bundle {found}, and it says that they make {named}")]
    OtherBundle {
        /// Digest that the artifact names.
        named: Digest,
        /// Digest of the bundle that its parts make.
        found: Digest,
    },
    /// The bundle's digest is not the expected one.
    #[error("the bundle's digest is {found}, not {named}: it was cut or changed")]
    OtherDigest {
        /// Expected digest.
        named: Digest,
        /// Digest of the bytes.
        found: Digest,
    },
    /// The bundle exceeds [`LONGEST`]; holds its length in bytes.
    #[error("the bundle has {0} bytes; at most {LONGEST} are taken")]
    TooLong(usize),
}

impl Bundle {
    /// Returns the bundle's tar archive.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.archive
    }

    /// Returns the digest of the archive, which names the release.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// Contents of a bundle before it is packed.
struct Parts {
    manifest: String,
    wasm: Bytes,
    openapi: Option<String>,
    migrations: Migrations,
}
