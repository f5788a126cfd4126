//! One bucket: a plugin's view of the store, within its grant.

use std::time::Duration;

use super::key::{Key, Space};
use super::{Backend, Error, MOST_KEYS, Page, Result, Swap, milliseconds};

/// What a grant says of a bucket.
#[derive(Debug, Clone, Copy)]
pub struct BucketOptions {
    /// How long a value lives after it was last written; for ever without one.
    pub ttl: Option<Duration>,
    /// Most bytes of a value.
    pub longest_value: usize,
}

/// A bucket of values under keys. A key is 1 to 256 bytes of any text.
///
/// Every call ends within a few seconds; after an error of `unavailable` or
/// `timeout`, whether a change was made is unknown.
#[derive(Clone)]
pub struct Bucket {
    backend: Backend,
    space: Space,
    ttl: Option<i64>,
    longest_value: usize,
}

/// Let the backend that there is do `$method`.
macro_rules! dispatch {
    ($bucket:ident.$method:ident($($argument:expr),*)) => {
        match &$bucket.backend {
            Backend::Redis(store) => store.$method(&$bucket.space, $($argument),*).await,
            Backend::Embedded(store) => store.$method(&$bucket.space, $($argument),*).await,
        }
    };
}

impl Bucket {
    /// Say that somebody waited in vain for a call, for less time than it may
    /// take.
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

    /// What the store is, as metrics and traces call it.
    #[must_use]
    pub fn system(&self) -> &'static str {
        match &self.backend {
            Backend::Redis(_) => "redis",
            Backend::Embedded(_) => "embedded",
        }
    }

    /// The value of `key`.
    ///
    /// # Errors
    /// When the key is invalid, or the store does not answer.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let key = Key::new(key)?;
        dispatch!(self.get(key))
    }

    /// Write `value`, and begin its time to live anew.
    ///
    /// # Errors
    /// As [`get`](Self::get), and when the value is too long.
    pub async fn set(&self, key: &str, value: &[u8]) -> Result<()> {
        let key = Key::new(key)?;
        self.check_length(value)?;
        dispatch!(self.set(key, value, self.ttl))
    }

    /// Delete `key`, if it is there.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn delete(&self, key: &str) -> Result<()> {
        self.delete_many(&[key]).await
    }

    /// Whether `key` has a value.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn exists(&self, key: &str) -> Result<bool> {
        let key = Key::new(key)?;
        dispatch!(self.exists(key))
    }

    /// Some keys, from the beginning or from a cursor of an earlier call. A key
    /// that is there all the while is found; one that comes or goes meanwhile
    /// may be. In Redis a key may be found twice.
    ///
    /// # Errors
    /// When the cursor is none, or the store does not answer.
    pub async fn list_keys(&self, cursor: Option<&str>) -> Result<Page> {
        dispatch!(self.list_keys(cursor))
    }

    /// The values of `keys`, in their order.
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

    /// Write many values: not one change, so some may be written when others
    /// fail.
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

    /// Delete those of `keys` that are there.
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

    /// Add `delta` to a whole number, 0 where there is no value, and begin its
    /// time to live anew; returns the sum. The value is its decimal digits.
    ///
    /// # Errors
    /// As [`get`](Self::get), and when the value is no whole number or the sum
    /// would not fit.
    pub async fn increment(&self, key: &str, delta: i64) -> Result<i64> {
        let key = Key::new(key)?;
        dispatch!(self.increment(key, delta, self.ttl))
    }

    /// Write `new` if the value still is `old` (`None`: if there is no value).
    /// Nobody else's write can come between.
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
