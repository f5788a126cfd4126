//! A value that was read in order to be replaced.

use super::Bucket;

/// A value as it was read, to be replaced only if it still is what it was.
pub struct CompareAndSwap {
    /// The bucket that the value is in.
    pub bucket: Bucket,
    /// The key of the value.
    pub key: String,
    /// The value when it was read; `None` where the key had none.
    pub current: Option<Vec<u8>>,
}
