//! The fixed number of versions, to which all dependencies of a database are mapped.

use std::sync::atomic::{AtomicU64, Ordering};

/// Number of slots: 512 KiB. With 20 slots for a result, a change of another row raises one of them
/// by chance once in a thousand times.
const COUNT: usize = 1 << 16;

/// Versions of everything that reads of one database depend on.
#[derive(Debug)]
pub(super) struct Slots(Box<[AtomicU64]>);

impl Slots {
    pub(super) fn new() -> Self {
        Self((0..COUNT).map(|_| AtomicU64::new(0)).collect())
    }

    /// Raises the versions of `slots` to `now`.
    pub(super) fn raise(&self, slots: &[u32], now: u64) {
        for version in slots.iter().filter_map(|slot| self.0.get(*slot as usize)) {
            version.fetch_max(now, Ordering::SeqCst);
        }
    }

    /// Returns the highest version of `slots`.
    pub(super) fn newest(&self, slots: &[u32]) -> u64 {
        let versions = slots.iter().filter_map(|slot| self.0.get(*slot as usize));
        let versions = versions.map(|version| version.load(Ordering::SeqCst));
        versions.max().unwrap_or_default()
    }
}

/// Part of a table, as one kind of read sees it, that changes as one.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// Anything that the read depends on.
    Anything,
    /// Which rows there are, and in which order.
    Membership,
    /// Rows that a change did not name.
    UnnamedRows,
    /// The row with this integer primary key.
    Row(i64),
}

impl Part {
    /// Returns the slot of this part as the read with the number `shape` sees it.
    pub(super) fn slot(self, shape: u32) -> u32 {
        let (kind, key) = match self {
            Self::Anything => (1, 0),
            Self::Membership => (2, 0),
            Self::UnnamedRows => (3, 0),
            Self::Row(key) => (4, key.cast_unsigned()),
        };
        let hash = mixed(mixed(u64::from(shape) << 3 | kind) ^ key);
        // The remainder is less than `COUNT`, which fits.
        (hash % COUNT as u64) as u32
    }
}

/// Returns `value` with its bits spread over the whole word: the finalizer of SplitMix64.
fn mixed(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
