//! Counters of what a node did to follow the release log.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Counters of the reconciler.
#[derive(Debug, Default)]
pub struct Activity {
    activated: AtomicU64,
    failed: AtomicU64,
    /// Time of the last read of the log, in milliseconds since 1970; 0 before
    /// the first.
    read: AtomicU64,
}

impl Activity {
    /// Returns the number of activations of a log entry since the node started,
    /// by outcome.
    #[must_use]
    pub fn activations(&self) -> [(&'static str, u64); 2] {
        [
            ("done", self.activated.load(Relaxed)),
            ("failed", self.failed.load(Relaxed)),
        ]
    }

    /// Returns the time of the last read of the log, since 1970; `None` before
    /// the first.
    #[must_use]
    pub fn last_read(&self) -> Option<Duration> {
        let read = self.read.load(Relaxed);
        (read > 0).then(|| Duration::from_millis(read))
    }

    pub(super) fn count_activated(&self) {
        self.activated.fetch_add(1, Relaxed);
    }

    pub(super) fn count_failed(&self) {
        self.failed.fetch_add(1, Relaxed);
    }

    pub(super) fn note_read(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_millis();
        self.read
            .store(u64::try_from(now).unwrap_or(u64::MAX), Relaxed);
    }
}
