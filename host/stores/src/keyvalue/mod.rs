//! Key-value stores: in Redis, or in a file of the node's own. Both behave the same.

mod bucket;
mod compare_and_swap;
mod embedded;
mod error;
mod key;
mod redis;

use std::path::Path;
use std::time::Duration;

pub use bucket::{Bucket, BucketOptions};
pub use compare_and_swap::CompareAndSwap;
pub use error::{Error, OpenError};

use embedded::EmbeddedStore;
use redis::RedisStore;

use super::breaker::StoreHealth;
use super::sql::Connections;
use crate::source::Source;

/// Most keys of one call.
pub const MOST_KEYS: usize = 256;

/// Greatest length of a key in bytes.
const LONGEST_KEY: usize = 256;

/// Approximate number of keys in one page of [`Bucket::list_keys`].
const PAGE: u32 = 256;

type Result<T> = std::result::Result<T, Error>;

/// A key-value store. Clones share its connections.
#[derive(Clone)]
pub struct KeyValue {
    backend: Backend,
    /// Prefix of every key, so that several shops can share one store.
    prefix: String,
}

#[derive(Clone)]
enum Backend {
    Redis(RedisStore),
    Embedded(EmbeddedStore),
}

/// Outcome of [`Bucket::swap`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swap {
    /// The new value was written.
    Done,
    /// The key has another value than the expected one: this.
    Lost(Option<Vec<u8>>),
}

/// One page of the keys of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Keys of the page; may be empty although more follow.
    pub keys: Vec<String>,
    /// Cursor of the next page; `None` after the last.
    pub cursor: Option<String>,
}

impl KeyValue {
    /// Opens a store in Redis: a server's URL, or several of a cluster, separated by commas. The
    /// connection is made with the first command, so Redis may be down. Must be called within a
    /// tokio runtime.
    ///
    /// # Errors
    /// When a URL is malformed.
    pub fn redis(urls: impl Into<Source>, prefix: &str) -> std::result::Result<Self, OpenError> {
        Ok(Self {
            backend: Backend::Redis(RedisStore::open(urls)?),
            prefix: prefix.to_owned(),
        })
    }

    /// Opens a store in `file`, which is created with its folder if it does not exist. Several
    /// processes may open it.
    ///
    /// # Errors
    /// When the file cannot be opened or is not such a store.
    pub async fn embedded(file: &Path, prefix: &str) -> std::result::Result<Self, OpenError> {
        Ok(Self {
            backend: Backend::Embedded(EmbeddedStore::open(file).await?),
            prefix: prefix.to_owned(),
        })
    }

    /// Returns the bucket `bucket` of `plugin`, which shares no key with any other.
    ///
    /// # Errors
    /// When the prefix or a name is not made of letters, digits and hyphens.
    pub fn bucket(
        &self,
        plugin: &str,
        bucket: &str,
        options: BucketOptions,
    ) -> std::result::Result<Bucket, OpenError> {
        let space = key::Space::new(&self.prefix, plugin, bucket)?;
        Ok(Bucket::new(self.backend.clone(), space, options))
    }

    /// Returns the kind of the store.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.backend {
            Backend::Redis(_) => "redis",
            Backend::Embedded(_) => "file",
        }
    }

    /// Returns the health of Redis; `None` for a file.
    #[must_use]
    pub fn health(&self) -> Option<StoreHealth> {
        match &self.backend {
            Backend::Redis(store) => Some(store.health()),
            Backend::Embedded(_) => None,
        }
    }

    /// Returns the reason for which the store refuses changes, while it does.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        match &self.backend {
            Backend::Redis(store) => store.refusal(),
            Backend::Embedded(store) => store.refusal(),
        }
    }

    /// Returns the connections to Redis; `None` for a file.
    #[must_use]
    pub fn connections(&self) -> Option<Connections> {
        match &self.backend {
            Backend::Redis(store) => Some(store.connections()),
            Backend::Embedded(_) => None,
        }
    }

    /// Returns the policy by which Redis evicts keys when its memory is full; `None` if it evicts
    /// none, does not tell, or is not used.
    pub async fn eviction(&self) -> Option<String> {
        match &self.backend {
            Backend::Redis(store) => store.eviction().await.ok().flatten(),
            Backend::Embedded(_) => None,
        }
    }

    /// Checks that the store answers.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn ping(&self) -> Result<()> {
        match &self.backend {
            Backend::Redis(store) => store.ping().await,
            Backend::Embedded(store) => store.ping().await,
        }
    }

    /// Closes the store, once running calls are done.
    pub async fn close(&self) {
        if let Backend::Embedded(store) = &self.backend {
            store.close().await;
        }
    }
}

/// Returns a time to live in whole milliseconds, at least one.
fn milliseconds(ttl: Duration) -> i64 {
    i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX).max(1)
}
