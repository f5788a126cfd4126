//! The resource of a compare-and-swap: a value that was read in order to be replaced.

use super::Bucket;

/// A value as it was read, to be replaced only if it has not changed.
pub struct CompareAndSwap {
    /// Bucket of the value.
    pub bucket: Bucket,
    /// Key of the value.
    pub key: String,
    /// Value when it was read; `None` if the key had none.
    pub current: Option<Vec<u8>>,
}
