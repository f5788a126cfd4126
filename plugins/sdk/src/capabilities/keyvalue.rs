//! Values under keys: in Redis or in the node's own store, as the operator
//! chose. The manifest grants buckets, each with its own time to live.
//!
//! ```no_run
//! use edge_sdk::{Result, keyvalue::Bucket};
//!
//! /// One more visitor, however many come at once.
//! fn visited(page: &str) -> Result<i64> {
//!     Ok(Bucket::open("visits")?.increment(page, 1)?)
//! }
//!
//! /// Changed by nobody else in between.
//! fn append(list: &str, line: &str) -> Result<()> {
//!     Bucket::open("lists")?.update(list, |text| {
//!         let mut text = text.unwrap_or_default();
//!         text.extend_from_slice(line.as_bytes());
//!         Ok((text, ()))
//!     })
//! }
//! ```
//!
//! A key is 1 to 256 bytes of any text; a value has a limit that the manifest
//! sets.

use super::error;
use crate::Failure;
use crate::bindings::wasi::keyvalue::{atomics, batch, store};

/// Rounds of [`Bucket::update`]: of so many writers at once, each is done in
/// the end, since with every round at least one is.
const ROUNDS: usize = 64;

const CONTENDED: Failure = Failure::new(
    503,
    "HTTP_503",
    "Too many changes at once. Please try again.",
);

/// Why the store did not do it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The manifest grants no bucket of this name.
    #[error("the bucket is not granted")]
    Denied,
    /// Out of reach, too slow, or an argument is wrong; the text says which.
    #[error("{0}")]
    Other(String),
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NoSuchStore | store::Error::AccessDenied => Self::Denied,
            store::Error::Other(why) => Self::Other(why),
        }
    }
}

impl From<Error> for Failure {
    fn from(failed: Error) -> Self {
        match failed {
            Error::Denied => error::internal("keyvalue", failed),
            Error::Other(_) => error::unavailable("keyvalue", failed),
        }
    }
}

/// A bucket of values under keys.
#[derive(Debug)]
pub struct Bucket(store::Bucket);

impl Bucket {
    /// Opens the bucket of this name.
    ///
    /// # Errors
    /// [`Error::Denied`] if the manifest does not grant it.
    pub fn open(name: &str) -> Result<Self, Error> {
        Ok(Self(store::open(name)?))
    }

    /// Returns the value of a key.
    ///
    /// # Errors
    /// When the store does not answer.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.0.get(key)?)
    }

    /// Writes a value, and begins its time to live anew.
    ///
    /// # Errors
    /// When the store does not answer; whether the value was written is
    /// unknown then.
    pub fn set(&self, key: &str, value: &[u8]) -> Result<(), Error> {
        Ok(self.0.set(key, value)?)
    }

    /// Deletes a key, if it is there.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn delete(&self, key: &str) -> Result<(), Error> {
        Ok(self.0.delete(key)?)
    }

    /// Returns true if the key has a value.
    ///
    /// # Errors
    /// When the store does not answer.
    pub fn exists(&self, key: &str) -> Result<bool, Error> {
        Ok(self.0.exists(key)?)
    }

    /// Returns the values of many keys, in the order of the keys.
    ///
    /// # Errors
    /// When the store does not answer.
    pub fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        let values = batch::get_many(&self.0, keys)?;
        Ok(values.into_iter().map(|(_, value)| value).collect())
    }

    /// Adds to a whole number, 0 where there is none; returns the sum.
    ///
    /// # Errors
    /// When the store does not answer, or the value is no whole number.
    pub fn increment(&self, key: &str, delta: i64) -> Result<i64, Error> {
        Ok(atomics::increment(&self.0, key, delta)?)
    }

    /// Reads a value in order to replace it: one round trip.
    ///
    /// # Errors
    /// When the store does not answer.
    pub fn read(&self, key: &str) -> Result<Cas, Error> {
        Ok(Cas(atomics::Cas::new(&self.0, key)?))
    }

    /// Replaces a value by what `change` makes of it, and returns what `change`
    /// says besides. When somebody else was faster, `change` is asked again with
    /// their value. Two round trips when nobody was.
    ///
    /// # Errors
    /// Errors of `change` and of the store, and 503 when others were faster
    /// again and again.
    pub fn update<T>(
        &self,
        key: &str,
        mut change: impl FnMut(Option<Vec<u8>>) -> Result<(Vec<u8>, T), Failure>,
    ) -> Result<T, Failure> {
        let mut cas = self.read(key)?;
        for _ in 0..ROUNDS {
            let (value, outcome) = change(cas.current()?)?;
            match cas.swap(&value)? {
                Swap::Done => return Ok(outcome),
                Swap::Lost(newer) => cas = newer,
            }
        }
        Err(CONTENDED.header("retry-after", "1"))
    }
}

/// A value as it was read, to be replaced only if it still is that.
#[derive(Debug)]
pub struct Cas(atomics::Cas);

/// Result of [`Cas::swap`].
#[derive(Debug)]
pub enum Swap {
    /// The value is written.
    Done,
    /// Somebody else was faster; this is their value.
    Lost(Cas),
}

impl Cas {
    /// Returns the value as it was read.
    ///
    /// # Errors
    /// None that a plugin can do anything about.
    pub fn current(&self) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.0.current()?)
    }

    /// Writes a value in place of the one that was read: one round trip.
    ///
    /// # Errors
    /// When the store does not answer; whether the value was written is
    /// unknown then.
    pub fn swap(self, value: &[u8]) -> Result<Swap, Error> {
        match atomics::swap(self.0, value) {
            Ok(()) => Ok(Swap::Done),
            Err(atomics::CasError::CasFailed(newer)) => Ok(Swap::Lost(Self(newer))),
            Err(atomics::CasError::StoreError(error)) => Err(error.into()),
        }
    }
}
