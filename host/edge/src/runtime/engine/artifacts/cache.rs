//! Files of compiled code, and the keyed digests by which they are trusted.

use std::fmt;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use wasmtime::Engine;

type HmacSha256 = Hmac<Sha256>;

/// Length of the keyed digest (HMAC-SHA-256) at the end of a file, in bytes.
const TAG: usize = 32;

/// Length of the key's id in the name of a file, in bytes before hex encoding.
const KEY_ID: usize = 8;

/// A folder of compiled code, and the key that signs its files.
pub(super) struct Cache {
    folder: PathBuf,
    key: [u8; 32],
}

/// File of one component in the cache.
pub(super) struct CacheFile<'a> {
    cache: &'a Cache,
    /// Digest of the component, and hash of the target that it was compiled for (wasmtime's
    /// version, its settings, the processor).
    content: String,
    path: PathBuf,
}

/// Error of reading or writing a file of the cache.
#[derive(Debug)]
pub(super) struct FileError {
    path: PathBuf,
    source: io::Error,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.source)
    }
}

impl Cache {
    pub(super) fn new(folder: PathBuf, key: [u8; 32]) -> Self {
        Self { folder, key }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the file for `wasm` as compiled for `engine`. Its name has the key's id in it, so
    /// that a file signed with another key is not taken for a changed one.
    pub(super) fn file(&self, engine: &Engine, wasm: &[u8]) -> CacheFile<'_> {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let digest = hex::encode(Sha256::digest(wasm));
        let content = format!("{digest}-{:016x}", hasher.finish());
        let name = format!("{content}-{}.cwasm", self.key_id());
        CacheFile {
            cache: self,
            content,
            path: self.folder.join(name),
        }
    }

    /// Returns an id of the key that reveals nothing of it.
    fn key_id(&self) -> String {
        let digest = self.mac().chain_update("key id").finalize().into_bytes();
        let (id, _) = digest.split_at(KEY_ID);
        hex::encode(id)
    }

    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    fn mac(&self) -> HmacSha256 {
        HmacSha256::new_from_slice(&self.key).expect("HMAC takes keys of any length")
    }
}

impl CacheFile<'_> {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file; `None` if it does not exist. The content is not verified yet.
    pub(super) fn read(&self) -> Result<Option<Vec<u8>>, FileError> {
        match fs::read(&self.path) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.error(source)),
        }
    }

    /// Returns the code in `content`, if its keyed digest matches.
    pub(super) fn verified(&self, mut content: Vec<u8>) -> Option<Vec<u8>> {
        let tag = content.split_off(content.len().saturating_sub(TAG));
        let is_ours = self.mac(&content).verify_slice(&tag).is_ok();
        is_ours.then_some(content)
    }

    /// Writes `code` to a temporary file and renames it, so that no reader sees a partial file;
    /// nothing is left behind if that fails.
    pub(super) fn write(&self, code: &[u8]) -> Result<(), FileError> {
        self.try_write(code).map_err(|source| self.error(source))
    }

    fn try_write(&self, code: &[u8]) -> io::Result<()> {
        let mut draft = tempfile::NamedTempFile::new_in(&self.cache.folder)?;
        draft.write_all(code)?;
        draft.write_all(&self.mac(code).finalize().into_bytes())?;
        draft.as_file().sync_all()?;
        draft.persist(&self.path)?;
        Ok(())
    }

    /// Returns whether the cache holds the same component under another key's id.
    pub(super) fn was_made_with_another_key(&self) -> bool {
        let Ok(entries) = fs::read_dir(&self.cache.folder) else {
            return false;
        };
        let mut names = entries.flatten().map(|entry| entry.file_name());
        names.any(|name| name.to_string_lossy().starts_with(&self.content))
    }

    /// Returns the HMAC of the file's name and `code`. The name is included so that no file can be
    /// passed off as another.
    fn mac(&self, code: &[u8]) -> HmacSha256 {
        let mut mac = self.cache.mac();
        if let Some(name) = self.path.file_name() {
            mac.update(name.as_encoded_bytes());
        }
        mac.update(code);
        mac
    }

    fn error(&self, source: io::Error) -> FileError {
        FileError {
            path: self.path.clone(),
            source,
        }
    }
}
