//! Cache of compiled components on disk, so that a restart compiles nothing.
//!
//! Compiled code is native code: a process that can write it can run code inside the host. So the
//! folder is private to the user, every file carries a keyed digest of its content, and a file
//! whose digest does not match is compiled anew, never trusted.
//!
//! The cache only saves time: where it cannot be read or written, components are compiled and kept
//! in memory alone.

mod cache;
mod health;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use wasmtime::Engine;
use wasmtime::component::Component;

use self::cache::{Cache, CacheFile};
use self::health::{CacheHealth, CacheOperation};
use crate::config::secrets::{self, SecretError};
use crate::telemetry::NodeWarnings;

/// File name of the secret in the data folder that signs compiled code.
const KEY: &str = "artifact-key";

/// Compiler of a node's components, with the cache of compiled code in its data folder.
pub struct Artifacts {
    data_dir: PathBuf,
    /// Key that signs compiled code, read or created when it is first needed.
    key: OnceLock<[u8; 32]>,
    health: CacheHealth,
}

/// Error of a component that this engine does not accept.
#[derive(Debug, thiserror::Error)]
#[error("is not a valid component: {0:#}")]
pub struct ArtifactError(pub wasmtime::Error);

impl Artifacts {
    /// Returns the cache in `data_dir`, which may be empty. Failures of the cache are raised as
    /// `warnings`.
    #[must_use]
    pub fn new(data_dir: &Path, warnings: Arc<NodeWarnings>) -> Self {
        Self {
            data_dir: data_dir.to_owned(),
            key: OnceLock::new(),
            health: CacheHealth::new(warnings),
        }
    }

    /// Returns the number of failures of the cache by operation, since the node started.
    pub fn errors(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.health.errors()
    }

    /// Returns the component `wasm` as compiled for `engine` before, if it is in the cache. Takes
    /// milliseconds.
    #[must_use]
    pub fn cached(&self, engine: &Engine, wasm: &[u8]) -> Option<Component> {
        let cache = self.open()?;
        self.load(&cache, engine, wasm)
    }

    /// Returns the component `wasm`, compiled for `engine`, from the cache or by compiling it now.
    /// Compiling blocks the thread, for seconds if the component is large. The folder is opened at
    /// each call, so a deleted cache is created anew with the next component.
    ///
    /// # Errors
    /// Returns an error if `wasm` is not a valid component. A failure of the cache is not an error.
    pub fn component(&self, engine: &Engine, wasm: &[u8]) -> Result<Component, ArtifactError> {
        let cache = self.open();
        let cached = cache
            .as_ref()
            .and_then(|cache| self.load(cache, engine, wasm));
        if let Some(component) = cached {
            return Ok(component);
        }
        let code = engine.precompile_component(wasm).map_err(ArtifactError)?;
        if let Some(cache) = &cache {
            self.store(cache, engine, wasm, &code);
        }
        deserialize(engine, &code).map_err(ArtifactError)
    }

    /// Opens the cache, if its folder and its key can be read or created.
    fn open(&self) -> Option<Cache> {
        match self.try_open() {
            Ok(cache) => {
                self.health.succeeded(CacheOperation::Open);
                Some(cache)
            }
            Err(error) => {
                self.health.failed(CacheOperation::Open, &error);
                None
            }
        }
    }

    fn try_open(&self) -> Result<Cache, SecretError> {
        let folder = self.data_dir.join("cache");
        secrets::private_folder(&folder)?;
        let key = match self.key.get() {
            Some(key) => *key,
            None => {
                let key = secrets::load_or_create(&self.data_dir, KEY)?;
                *self.key.get_or_init(|| key)
            }
        };
        Ok(Cache::new(folder, key))
    }

    /// Returns the component from the cache, if it is there and its keyed digest matches.
    fn load(&self, cache: &Cache, engine: &Engine, wasm: &[u8]) -> Option<Component> {
        let file = cache.file(engine, wasm);
        let content = self.read(cache, &file)?;
        let Some(code) = file.verified(content) else {
            self.health.count(CacheOperation::Verify);
            tracing::warn!(
                file = %file.path().display(),
                "compiled code is not as it was written: it was damaged, or changed by others; \
                 compiling anew"
            );
            return None;
        };
        match deserialize(engine, &code) {
            Ok(component) => Some(component),
            Err(error) => {
                self.health.count(CacheOperation::Verify);
                let file = file.path().display();
                tracing::warn!(%file, %error, "compiled code does not load; compiling anew");
                None
            }
        }
    }

    /// Returns the content of a file, which is not verified yet, if the file exists.
    fn read(&self, cache: &Cache, file: &CacheFile<'_>) -> Option<Vec<u8>> {
        let content = match file.read() {
            Ok(content) => {
                self.health.succeeded(CacheOperation::Read);
                content
            }
            Err(error) => {
                self.health.failed(CacheOperation::Read, &error);
                return None;
            }
        };
        if content.is_none() && file.was_made_with_another_key() {
            tracing::info!(
                folder = %cache.folder().display(),
                "the cache holds this component as compiled by another version or signed with \
                 another key ({KEY} was lost or replaced); compiling anew"
            );
        }
        content
    }

    fn store(&self, cache: &Cache, engine: &Engine, wasm: &[u8], code: &[u8]) {
        match cache.file(engine, wasm).write(code) {
            Ok(()) => self.health.succeeded(CacheOperation::Write),
            Err(error) => self.health.failed(CacheOperation::Write, &error),
        }
    }
}

fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: wasmtime requires bytes that `precompile_component` made and that are unchanged. They
    // come straight from it, or from a file whose keyed digest was just verified over these very
    // bytes in memory, with a key that only this user can read.
    #[expect(
        unsafe_code,
        clippy::disallowed_methods,
        reason = "wasmtime cannot check compiled code; we did"
    )]
    unsafe {
        Component::deserialize(engine, code)
    }
}
