//! One bucket: a plugin's access to the store, within its grant.

use std::time::Duration;

use super::key::{Key, Space};
use super::{Backend, Error, MOST_KEYS, Page, Result, Swap, milliseconds};

/// Options of a bucket, which its grant sets.
#[derive(Debug, Clone, Copy)]
pub struct BucketOptions {
    /// Time to live of a value after its last write; `None` for no expiry.
    pub ttl: Option<Duration>,
    /// Greatest length of a value in bytes.
    pub longest_value: usize,
}

/// A bucket of values under keys. A key is any text of 1 to 256 bytes.
///
/// Every call ends within a few seconds. After an error of `unavailable` or `timeout`, it is
/// unknown whether a change was made.
#[derive(Clone)]
pub struct Bucket {
    backend: Backend,
    space: Space,
    ttl: Option<i64>,
    longest_value: usize,
}

/// Calls `$method` of the backend in use.
macro_rules! dispatch {
    ($bucket:ident.$method:ident($($argument:expr),*)) => {
        match &$bucket.backend {
            Backend::Redis(store) => store.$method(&$bucket.space, $($argument),*).await,
            Backend::Embedded(store) => store.$method(&$bucket.space, $($argument),*).await,
        }
    };
}

impl Bucket {
    /// Records that a caller gave up on a call before the store's own time limit.
    pub fn was_late(&self, why: &dyn std::fmt::Display) {
        if let Backend::Redis(store) = &self.backend {
            store.was_late(why);
        }
    }

    pub(super) fn new(backend: Backend, space: Space, options: BucketOptions) -> Self {
        Self {
            backend,
            space,
            ttl: options.ttl.map(milliseconds),
            longest_value: options.longest_value,
        }
    }

    /// Returns the name of the store in metrics and traces.
    #[must_use]
    pub fn system(&self) -> &'static str {
        match &self.backend {
            Backend::Redis(_) => "redis",
            Backend::Embedded(_) => "embedded",
        }
    }

    /// Returns the value of `key`.
    ///
    /// # Errors
    /// When the key is invalid, or the store does not answer.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let key = Key::new(key)?;
        dispatch!(self.get(key))
    }

    /// Writes `value`, and restarts its time to live.
    ///
    /// # Errors
    /// As [`get`](Self::get), and when the value is too long.
    pub async fn set(&self, key: &str, value: &[u8]) -> Result<()> {
        let key = Key::new(key)?;
        self.check_length(value)?;
        dispatch!(self.set(key, value, self.ttl))
    }

    /// Deletes `key`, if it exists.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn delete(&self, key: &str) -> Result<()> {
        self.delete_many(&[key]).await
    }

    /// Returns whether `key` has a value.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn exists(&self, key: &str) -> Result<bool> {
        let key = Key::new(key)?;
        dispatch!(self.exists(key))
    }

    /// Returns one page of keys, from the beginning or from a cursor of an earlier call. A key that
    /// exists all the time is found; one that is added or removed meanwhile may be. In Redis a key
    /// may be found twice.
    ///
    /// # Errors
    /// When the cursor is malformed, or the store does not answer.
    pub async fn list_keys(&self, cursor: Option<&str>) -> Result<Page> {
        dispatch!(self.list_keys(cursor))
    }

    /// Returns the values of `keys`, in their order.
    ///
    /// # Errors
    /// As [`get`](Self::get), and when there are too many keys.
    pub async fn get_many(&self, keys: &[impl AsRef<str>]) -> Result<Vec<Option<Vec<u8>>>> {
        let keys = checked(keys)?;
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        dispatch!(self.get_many(&keys))
    }

    /// Writes many values. The writes are not atomic together: some may be done when others fail.
    ///
    /// # Errors
    /// As [`set`](Self::set), and when there are too many keys; nothing is
    /// written when any key or value is invalid.
    pub async fn set_many(&self, entries: &[(impl AsRef<str>, impl AsRef<[u8]>)]) -> Result<()> {
        check_count(entries.len())?;
        let mut checked = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            self.check_length(value.as_ref())?;
            checked.push((Key::new(key.as_ref())?, value.as_ref()));
        }
        dispatch!(self.set_many(&checked, self.ttl))
    }

    /// Deletes those of `keys` that exist.
    ///
    /// # Errors
    /// As [`get_many`](Self::get_many).
    pub async fn delete_many(&self, keys: &[impl AsRef<str>]) -> Result<()> {
        let keys = checked(keys)?;
        if keys.is_empty() {
            return Ok(());
        }
        dispatch!(self.delete_many(&keys))
    }

    /// Adds `delta` to an integer, which is 0 without a value, restarts its time to live, and
    /// returns the sum. The value is stored in decimal digits.
    ///
    /// # Errors
    /// As [`get`](Self::get), and when the value is not an integer or the sum does not fit into 64
    /// bits.
    pub async fn increment(&self, key: &str, delta: i64) -> Result<i64> {
        let key = Key::new(key)?;
        dispatch!(self.increment(key, delta, self.ttl))
    }

    /// Writes `new` if the value still is `old` (`None`: if there is no value), atomically.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub async fn swap(&self, key: &str, old: Option<&[u8]>, new: &[u8]) -> Result<Swap> {
        let key = Key::new(key)?;
        self.check_length(new)?;
        dispatch!(self.swap(key, old, new, self.ttl))
    }

    fn check_length(&self, value: &[u8]) -> Result<()> {
        if value.len() <= self.longest_value {
            return Ok(());
        }
        Err(Error::TooLarge {
            length: value.len(),
            most: self.longest_value,
        })
    }
}

fn checked(keys: &[impl AsRef<str>]) -> Result<Vec<Key<'_>>> {
    check_count(keys.len())?;
    keys.iter().map(|key| Key::new(key.as_ref())).collect()
}

fn check_count(keys: usize) -> Result<()> {
    if keys <= MOST_KEYS {
        Ok(())
    } else {
        Err(Error::TooManyKeys(keys))
    }
}
