//! Counts of a route's replies by release, for the releases that serve and the one before, so that
//! the number of series does not grow with every deployment.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::{Method, StatusCode};

use super::{CacheResult, RouteStats};

/// Counts of one release.
#[derive(Debug, Clone)]
struct OfRelease {
    version: String,
    stats: Arc<RouteStats>,
}

/// Counts of one route by release.
#[derive(Debug, Default)]
pub struct ReleaseStats {
    /// Previous release, if there is one, and then those that serve.
    releases: ArcSwap<Vec<OfRelease>>,
    /// Requests that ended after their release was dropped from the counts.
    forgotten: RouteStats,
}

impl ReleaseStats {
    /// Counts one reply of the release `version`.
    pub fn count(&self, version: &str, method: &Method, status: StatusCode, took: Duration) {
        self.of(version, |stats| stats.count(method, status, took));
    }

    /// Counts what the reply cache did for a request to the release `version`.
    pub fn count_cache(&self, version: &str, result: CacheResult) {
        self.of(version, |stats| stats.count_cache(result));
    }

    fn of(&self, version: &str, count: impl FnOnce(&RouteStats)) {
        let releases = self.releases.load();
        let known = releases.iter().find(|release| release.version == version);
        count(known.map_or(&self.forgotten, |release| &release.stats));
    }

    /// Keeps the counts of the versions that are `serving`, and of the one that served last before
    /// them. All others are dropped.
    pub fn keep(&self, serving: &[&str]) {
        let old = self.releases.load();
        let find = |version: &str| old.iter().find(|release| release.version == version);
        let serves = |release: &&OfRelease| serving.contains(&release.version.as_str());
        let before = old.iter().rev().find(|release| !serves(release));
        let mut kept: Vec<OfRelease> = before.cloned().into_iter().collect();
        for version in serving {
            // Two releases of one version share a series.
            if kept.iter().any(|release| release.version == *version) {
                continue;
            }
            let new = || OfRelease {
                version: (*version).to_owned(),
                stats: Arc::default(),
            };
            kept.push(find(version).cloned().unwrap_or_else(new));
        }
        self.releases.store(Arc::new(kept));
    }

    /// Calls `each` with every release and its counts, and with `None` for requests that ended
    /// after the counts of their release were dropped.
    pub fn each(&self, mut each: impl FnMut(Option<&str>, &RouteStats)) {
        for release in self.releases.load().iter() {
            each(Some(&release.version), &release.stats);
        }
        each(None, &self.forgotten);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(stats: &ReleaseStats) -> Vec<(Option<String>, u64)> {
        let mut counts = Vec::new();
        stats.each(|version, stats| {
            let sum: u64 = stats.iter().map(|(_, _, timing)| timing.count()).sum();
            if sum > 0 {
                counts.push((version.map(str::to_owned), sum));
            }
        });
        counts
    }

    #[test]
    fn releases_that_serve_and_the_one_before_are_kept() {
        let stats = ReleaseStats::default();
        let count = |version| {
            stats.count(version, &Method::GET, StatusCode::OK, Duration::ZERO);
        };
        stats.keep(&["1"]);
        count("1");
        // A canary that is withdrawn, and another that is promoted.
        for serving in [&["2", "1"][..], &["1"], &["3", "1"], &["3"]] {
            stats.keep(serving);
            serving.iter().for_each(|version| count(version));
        }
        let of = |version: &str, count| (Some(version.to_owned()), count);
        assert_eq!(counts(&stats), [of("1", 4), of("3", 2)]);
        count("2");
        assert_eq!(counts(&stats), [of("1", 4), of("3", 2), (None, 1)]);
        stats.keep(&["4"]);
        assert_eq!(counts(&stats), [of("3", 2), (None, 1)]);
    }
}
