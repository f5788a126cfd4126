//! Releases that are prepared and do not serve yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bundle::Digest;

use crate::rollout::serving::release::Release;

/// Time that a prepared release is kept until something asks for it.
const KEEP_TIME: Duration = Duration::from_secs(60);

/// Prepared releases, and the time since when each is ready.
#[derive(Default)]
pub(super) struct PreparedReleases(Mutex<HashMap<Digest, (Arc<Release>, Instant)>>);

impl PreparedReleases {
    /// Keeps a release for 60 s.
    pub(super) fn keep(&self, release: Arc<Release>) {
        self.all().insert(release.digest, (release, Instant::now()));
    }

    /// Removes and returns a release, if it is kept.
    pub(super) fn take(&self, digest: Digest) -> Option<Arc<Release>> {
        self.all().remove(&digest).map(|(release, _)| release)
    }

    /// Removes and returns the releases that nothing asked for within 60 s.
    pub(super) fn take_expired(&self) -> Vec<Arc<Release>> {
        let mut all = self.all();
        let expired = all.extract_if(|_, (_, since)| since.elapsed() > KEEP_TIME);
        expired.map(|(_, (release, _))| release).collect()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Digest, (Arc<Release>, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
