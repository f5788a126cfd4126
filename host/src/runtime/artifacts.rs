//! Compiled components on disk, so that a restart compiles nothing.
//!
//! Compiled code is native code: whoever can write it runs inside the host.
//! So the folder is private to the user, every file carries a keyed digest of
//! its content, and one that does not match is compiled anew, never trusted.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::config::secrets::{self, SecretError};

type HmacSha256 = Hmac<Sha256>;

/// Bytes of the keyed digest at the end of a file.
const TAG: usize = 32;

/// The compiled components of a node.
pub struct Artifacts {
    folder: PathBuf,
    key: [u8; 32],
}

/// A component could not be compiled, or the cache not be used.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The bytes are no component that this engine takes.
    #[error("is not a valid component: {0:#}")]
    Invalid(wasmtime::Error),
    /// The cache folder cannot be used.
    #[error("{}: {source}", path.display())]
    Io {
        /// What was being written.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl Artifacts {
    /// The cache in `data_dir`.
    ///
    /// # Errors
    /// When its folder or its key cannot be made, or is open to other users.
    pub fn open(data_dir: &Path) -> Result<Self, SecretError> {
        let folder = data_dir.join("cache");
        secrets::private_folder(&folder)?;
        let key = secrets::load_or_create(data_dir, "artifact-key")?;
        Ok(Self { folder, key })
    }

    /// The component `wasm`, compiled for `engine`: from the cache, or now.
    /// Compiling takes seconds for large components; call it where that
    /// blocks nobody.
    ///
    /// # Errors
    /// When `wasm` is no component, or the cache cannot be written.
    pub fn component(&self, engine: &Engine, wasm: &[u8]) -> Result<Component, ArtifactError> {
        let path = self.path(engine, wasm);
        if let Some(code) = self.trusted(&path) {
            match deserialize(engine, &code) {
                Ok(component) => return Ok(component),
                Err(error) => {
                    tracing::warn!(file = %path.display(), %error, "compiled code does not load; compiling anew");
                }
            }
        }
        let code = engine
            .precompile_component(wasm)
            .map_err(ArtifactError::Invalid)?;
        self.store(&path, &code)
            .map_err(|source| ArtifactError::Io { path, source })?;
        deserialize(engine, &code).map_err(ArtifactError::Invalid)
    }

    /// Named by what went in (the component) and what it was compiled for
    /// (wasmtime's version, its settings, the processor).
    fn path(&self, engine: &Engine, wasm: &[u8]) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let digest = hex::encode(Sha256::digest(wasm));
        self.folder
            .join(format!("{digest}-{:016x}.cwasm", hasher.finish()))
    }

    /// The code at `path`, if its keyed digest matches.
    fn trusted(&self, path: &Path) -> Option<Vec<u8>> {
        let mut content = match fs::read(path) {
            Ok(content) => content,
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "compiled code cannot be read; compiling anew");
                return None;
            }
        };
        let tag = content.split_off(content.len().saturating_sub(TAG));
        if self.mac(path, &content).verify_slice(&tag).is_ok() {
            return Some(content);
        }
        tracing::warn!(file = %path.display(), "compiled code was changed by others; compiling anew");
        None
    }

    /// Written whole under another name, then renamed: no reader sees half.
    fn store(&self, path: &Path, code: &[u8]) -> io::Result<()> {
        let mut draft = tempfile::NamedTempFile::new_in(&self.folder)?;
        draft.write_all(code)?;
        draft.write_all(&self.mac(path, code).finalize().into_bytes())?;
        draft.as_file().sync_all()?;
        draft.persist(path)?;
        Ok(())
    }

    /// The name is part of what is signed, so that no file can stand in for
    /// another.
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    fn mac(&self, path: &Path, code: &[u8]) -> HmacSha256 {
        let mut mac = HmacSha256::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        if let Some(name) = path.file_name() {
            mac.update(name.as_encoded_bytes());
        }
        mac.update(code);
        mac
    }
}

fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: wasmtime requires bytes that `precompile_component` made and
    // nobody changed. They come straight from it, or from a file whose keyed
    // digest was just verified over these very bytes in memory, with a key
    // that only this user can read.
    #[expect(unsafe_code, reason = "wasmtime cannot check compiled code; we did")]
    unsafe {
        Component::deserialize(engine, code)
    }
}
