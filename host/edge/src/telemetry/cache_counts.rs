//! Counts of what the reply cache did for the requests of a route.

use std::sync::atomic::{AtomicU64, Ordering};

use strum::{IntoStaticStr, VariantArray};

/// What the reply cache did for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum CacheResult {
    /// A kept reply was sent.
    Hit,
    /// A kept reply was sent that is no longer current, since there was no other.
    Stale,
    /// The plugin was asked, and its reply kept.
    Stored,
    /// The plugin was asked, and its reply not kept.
    Miss,
    /// The plugin was asked, since its manifest wants that for the caller.
    Bypass,
}

impl CacheResult {
    /// Returns the name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Number of requests by what the cache did for them.
#[derive(Debug, Default)]
pub struct CacheCounts([AtomicU64; CacheResult::VARIANTS.len()]);

impl CacheCounts {
    pub(super) fn count(&self, result: CacheResult) {
        if let Some(count) = self.0.get(result as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns the number of requests for each result; none for a route without any.
    pub fn iter(&self) -> impl Iterator<Item = (CacheResult, u64)> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        let results = CacheResult::VARIANTS.iter().copied().zip(counts);
        let is_used = self.0.iter().any(|count| count.load(Ordering::Relaxed) > 0);
        results.filter(move |_| is_used)
    }
}
