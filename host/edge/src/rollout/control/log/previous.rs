//! Search of the release log for the release to which a rollback of a region returns.

use bundle::Digest;
use stores::sql::Value;

use super::kind::fill_pattern;
use crate::rollout::control::{Control, Result, text};

/// Selects the active releases of one region, newest first, among the given number of newest
/// entries, or among all if the region's head is missing. Entries of failed or aborted rollouts are
/// left out, except entries that filled the region, which stay in force whatever the rollout's
/// outcome.
const SERVED_IN: &str = "SELECT l.active FROM edge_release_log l \
     LEFT JOIN edge_rollout r ON r.id = l.rollout \
     WHERE l.plugin = ? AND l.region = ? AND l.active IS NOT NULL \
     AND (r.phase IS NULL OR (r.phase <> 'failed' AND r.phase <> 'aborted') \
     OR l.reason LIKE ?) \
     AND l.revision > COALESCE((SELECT h.revision FROM edge_release_head h \
     WHERE h.region = ? AND h.plugin = ?), 0) - ? ORDER BY l.revision DESC LIMIT 100000";

/// Number of newest entries that are searched: first the last thousand, then practically all.
const ENTRIES: [i64; 2] = [1_000, 1_000_000_000];

impl Control {
    /// Returns the release that `region` served before `now`, the current one. Releases of failed
    /// or aborted rollouts do not count, nor do releases that were rolled back: a second rollback
    /// goes one release further back.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn previous_release(
        &self,
        plugin: &str,
        region: &str,
        now: Option<Digest>,
    ) -> Result<Option<Digest>> {
        for entries in ENTRIES {
            let values = vec![
                text(plugin),
                text(region),
                text(fill_pattern()),
                text(region),
                text(plugin),
                Value::Integer(entries),
            ];
            let rows = self.query(SERVED_IN, values).await?;
            let newest_first: Result<Vec<Digest>> =
                rows.into_iter().map(|mut row| row.parsed()).collect();
            if let Some(release) = before(newest_first?.into_iter().rev(), now) {
                return Ok(Some(release));
            }
        }
        Ok(None)
    }
}

/// Returns the release before `now`. An entry with a release that served before is a rollback to
/// it, which discards the releases between the two.
fn before(oldest_first: impl Iterator<Item = Digest>, now: Option<Digest>) -> Option<Digest> {
    let mut path: Vec<Digest> = Vec::new();
    for release in oldest_first {
        match path.iter().position(|earlier| *earlier == release) {
            Some(position) => path.truncate(position + 1),
            None => path.push(release),
        }
    }
    let now = now.and_then(|now| path.iter().position(|release| *release == now));
    path.truncate(now.unwrap_or(path.len()));
    path.last().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(name: char) -> Digest {
        Digest::of(name.to_string().as_bytes())
    }

    /// Returns the release before the last of `releases`.
    fn before_last_of(releases: &str) -> Option<Digest> {
        let now = releases.chars().last().map(release);
        before(releases.chars().map(release), now)
    }

    #[test]
    fn a_rollback_goes_one_release_further_back_each_time() {
        assert_eq!(before_last_of("123"), Some(release('2')));
        assert_eq!(before_last_of("1232"), Some(release('1')));
        assert_eq!(before_last_of("12321"), None);
        assert_eq!(before_last_of("1"), None);
    }

    #[test]
    fn a_release_that_was_left_is_not_gone_back_to() {
        assert_eq!(before_last_of("1213"), Some(release('1')));
        // A release that was rolled back counts again once it is deployed again.
        assert_eq!(before_last_of("12123"), Some(release('2')));
        assert_eq!(before_last_of("31213"), None);
    }

    #[test]
    fn what_was_removed_or_stayed_after_a_failure_goes_back_to_what_served() {
        let served = || "12".chars().map(release);
        assert_eq!(before(served(), None), Some(release('2')));
        assert_eq!(before(served(), Some(release('3'))), Some(release('2')));
    }
}
