//! Compiled components on disk, so that a restart compiles nothing.
//!
//! Compiled code is native code: whoever can write it runs inside the host.
//! So the folder is private to the user, every file carries a keyed digest of
//! its content, and one that does not match is compiled anew, never trusted.
//!
//! The cache saves time and nothing else depends on it: where it cannot be
//! read or written, components are compiled and kept in memory alone.

mod cache;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use wasmtime::Engine;
use wasmtime::component::Component;

use self::cache::Cache;
use crate::config::secrets::{self, SecretError};
use crate::telemetry::NodeWarnings;

/// What the secret of the data folder is called that signs compiled code.
const KEY: &str = "artifact-key";

/// What the cache is asked for, each of which may fail by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheOperation {
    /// Finding the folder and the key, or making them.
    Open,
    /// Reading a file.
    Read,
    /// Checking that a file is as it was written.
    Verify,
    /// Writing a file.
    Write,
}

impl CacheOperation {
    const ALL: [Self; 4] = [Self::Open, Self::Read, Self::Verify, Self::Write];

    fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Read => "read",
            Self::Verify => "verify",
            Self::Write => "write",
        }
    }

    /// Returns what a warning of its failure is called.
    fn subject(self) -> &'static str {
        match self {
            Self::Open => "compiled-code-cache",
            Self::Read => "compiled-code-cache-read",
            Self::Verify => "compiled-code-cache-verify",
            Self::Write => "compiled-code-cache-write",
        }
    }
}

/// The compiled components of a node.
pub struct Artifacts {
    data_dir: PathBuf,
    /// Read or made when it is first needed.
    key: OnceLock<[u8; 32]>,
    warnings: Arc<NodeWarnings>,
    errors: [AtomicU64; CacheOperation::ALL.len()],
}

/// The bytes are no component that this engine takes.
#[derive(Debug, thiserror::Error)]
#[error("is not a valid component: {0:#}")]
pub struct ArtifactError(pub wasmtime::Error);

impl Artifacts {
    /// Returns the cache in `data_dir`, of which nothing need be there yet.
    /// Failures to use it are told to `warnings`.
    #[must_use]
    pub fn new(data_dir: &Path, warnings: Arc<NodeWarnings>) -> Self {
        Self {
            data_dir: data_dir.to_owned(),
            key: OnceLock::new(),
            warnings,
            errors: Default::default(),
        }
    }

    /// Returns how often the cache failed, by the operation.
    pub fn errors(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.errors.iter().map(|count| count.load(Relaxed));
        let operations = CacheOperation::ALL.into_iter();
        operations.map(CacheOperation::name).zip(counts)
    }

    /// Returns the component `wasm` as it was compiled for `engine` before, if
    /// it is in the cache: a matter of milliseconds.
    #[must_use]
    pub fn cached(&self, engine: &Engine, wasm: &[u8]) -> Option<Component> {
        let cache = self.open()?;
        self.load(&cache, engine, wasm)
    }

    /// Returns the component `wasm`, compiled for `engine`: from the cache, or
    /// now. Compiling takes seconds for large components; call it where that
    /// blocks nobody. The folder is looked at every time, so a cache that
    /// vanished comes back with the next component.
    ///
    /// # Errors
    /// When `wasm` is no component. A cache that fails is no error.
    pub fn component(&self, engine: &Engine, wasm: &[u8]) -> Result<Component, ArtifactError> {
        let cache = self.open();
        let kept = cache
            .as_ref()
            .and_then(|cache| self.load(cache, engine, wasm));
        if let Some(component) = kept {
            return Ok(component);
        }
        let code = engine.precompile_component(wasm).map_err(ArtifactError)?;
        if let Some(cache) = &cache {
            self.store(cache, engine, wasm, &code);
        }
        deserialize(engine, &code).map_err(ArtifactError)
    }

    /// Returns the cache, if its folder and its key can be had.
    fn open(&self) -> Option<Cache> {
        match self.try_open() {
            Ok(cache) => {
                self.works(CacheOperation::Open);
                Some(cache)
            }
            Err(error) => {
                self.failed(CacheOperation::Open, &error);
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

    /// Returns the component as it was kept, if it was and can be trusted.
    fn load(&self, cache: &Cache, engine: &Engine, wasm: &[u8]) -> Option<Component> {
        let file = cache.file(engine, wasm);
        let content = match file.read() {
            Ok(content) => {
                self.works(CacheOperation::Read);
                content
            }
            Err(error) => {
                self.failed(CacheOperation::Read, &error);
                return None;
            }
        };
        let Some(content) = content else {
            if file.was_made_with_another_key() {
                tracing::info!(
                    folder = %cache.folder().display(),
                    "the cache holds this component as compiled by another version or signed with \
                     another key ({KEY} was lost or replaced); compiling anew"
                );
            }
            return None;
        };
        let Some(code) = file.verified(content) else {
            self.count(CacheOperation::Verify);
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
                self.count(CacheOperation::Verify);
                let file = file.path().display();
                tracing::warn!(%file, %error, "compiled code does not load; compiling anew");
                None
            }
        }
    }

    fn store(&self, cache: &Cache, engine: &Engine, wasm: &[u8], code: &[u8]) {
        match cache.file(engine, wasm).write(code) {
            Ok(()) => self.works(CacheOperation::Write),
            Err(error) => self.failed(CacheOperation::Write, &error),
        }
    }

    fn works(&self, operation: CacheOperation) {
        self.warnings.clear(operation.subject());
    }

    fn failed(&self, operation: CacheOperation, error: &dyn std::fmt::Display) {
        self.count(operation);
        let text = format!(
            "compiled code is kept in memory alone, so the next start compiles again: {error}"
        );
        self.warnings.raise(operation.subject(), text);
    }

    fn count(&self, operation: CacheOperation) {
        let mut counts = CacheOperation::ALL.iter().zip(&self.errors);
        if let Some((_, count)) = counts.find(|(one, _)| **one == operation) {
            count.fetch_add(1, Relaxed);
        }
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
