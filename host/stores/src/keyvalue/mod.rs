//! Values under keys: in Redis, or in a file of the node's own. Both behave
//! the same.

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

/// About how many keys one page of [`Bucket::list_keys`] has.
const PAGE: u32 = 256;

type Result<T> = std::result::Result<T, Error>;

/// A key-value store. Clones share its connections.
#[derive(Clone)]
pub struct KeyValue {
    backend: Backend,
    /// What every key begins with, so that several shops can share one store.
    prefix: String,
}

#[derive(Clone)]
enum Backend {
    Redis(RedisStore),
    Embedded(EmbeddedStore),
}

/// How a [`Bucket::swap`] ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swap {
    /// The new value is written.
    Done,
    /// Another value than the expected one is there: this.
    Lost(Option<Vec<u8>>),
}

/// Some keys of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The keys. There may be none although more follow.
    pub keys: Vec<String>,
    /// Where to go on; `None` after the last.
    pub cursor: Option<String>,
}

impl KeyValue {
    /// A store in Redis: a server's URL, or several of a cluster, separated by
    /// commas. Redis may be down; it is connected to when it is needed. Must be
    /// called within a tokio runtime.
    ///
    /// # Errors
    /// When a URL is malformed.
    pub fn redis(urls: impl Into<Source>, prefix: &str) -> std::result::Result<Self, OpenError> {
        Ok(Self {
            backend: Backend::Redis(RedisStore::open(urls)?),
            prefix: prefix.to_owned(),
        })
    }

    /// A store in `file`, which is made with its folder when it is absent.
    /// Several processes may open it.
    ///
    /// # Errors
    /// When the file cannot be opened or is no such store.
    pub async fn embedded(file: &Path, prefix: &str) -> std::result::Result<Self, OpenError> {
        Ok(Self {
            backend: Backend::Embedded(EmbeddedStore::open(file).await?),
            prefix: prefix.to_owned(),
        })
    }

    /// The bucket `bucket` of `plugin`: its keys are its own.
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

    /// What the store is.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.backend {
            Backend::Redis(_) => "redis",
            Backend::Embedded(_) => "file",
        }
    }

    /// How Redis does; nothing of a file.
    #[must_use]
    pub fn health(&self) -> Option<StoreHealth> {
        match &self.backend {
            Backend::Redis(store) => Some(store.health()),
            Backend::Embedded(_) => None,
        }
    }

    /// Returns in words that the store refuses changes, while it does.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        match &self.backend {
            Backend::Redis(store) => store.refusal(),
            Backend::Embedded(store) => store.refusal(),
        }
    }

    /// Returns the connections to Redis; nothing of a file.
    #[must_use]
    pub fn connections(&self) -> Option<Connections> {
        match &self.backend {
            Backend::Redis(store) => Some(store.connections()),
            Backend::Embedded(_) => None,
        }
    }

    /// Returns the policy by which Redis drops keys when its memory is full;
    /// none where it keeps them, does not say, or is not used.
    pub async fn eviction(&self) -> Option<String> {
        match &self.backend {
            Backend::Redis(store) => store.eviction().await.ok().flatten(),
            Backend::Embedded(_) => None,
        }
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<()> {
        match &self.backend {
            Backend::Redis(store) => store.ping().await,
            Backend::Embedded(store) => store.ping().await,
        }
    }

    /// Let go of the store, once running calls are done.
    pub async fn close(&self) {
        if let Backend::Embedded(store) = &self.backend {
            store.close().await;
        }
    }
}

/// A time to live in whole milliseconds, as stores count it.
fn milliseconds(ttl: Duration) -> i64 {
    i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX).max(1)
}
