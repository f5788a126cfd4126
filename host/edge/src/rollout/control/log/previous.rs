//! Search of the release log for the release to which a rollback of a region returns.

use bundle::Digest;
use stores::sql::Value;

use super::kind::fill_pattern;
use crate::rollout::control::scan::{PAGE, page_limit};
use crate::rollout::control::{Control, Result, text};

/// Selects a page of the active releases of one region, newest first, from the entries before a
/// revision. Entries of failed or aborted rollouts are left out, except entries that filled the
/// region, which stay in force whatever the rollout's outcome.
const SERVED_IN: &str = "SELECT l.active, l.revision FROM edge_release_log l \
     LEFT JOIN edge_rollout r ON r.id = l.rollout \
     WHERE l.plugin = ? AND l.region = ? AND l.active IS NOT NULL \
     AND (r.phase IS NULL OR (r.phase <> 'failed' AND r.phase <> 'aborted') \
     OR l.reason LIKE ?) \
     AND l.revision < ? ORDER BY l.revision DESC LIMIT ?";

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
        let mut newest_first: Vec<Digest> = Vec::new();
        let mut end = i64::MAX;
        loop {
            let values = vec![
                text(plugin),
                text(region),
                text(fill_pattern()),
                Value::Integer(end),
                page_limit(),
            ];
            let rows = self.query(SERVED_IN, values).await?;
            let (is_first, is_last) = (newest_first.is_empty(), rows.len() < PAGE);
            for mut row in rows {
                newest_first.push(row.parsed()?);
                end = row.integer()?;
            }
            // Nearly always, the newest entries tell; otherwise it takes all of them.
            if is_first || is_last {
                let found = before(newest_first.iter().rev().copied(), now);
                if found.is_some() || is_last {
                    return Ok(found);
                }
            }
        }
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
    use crate::rollout::control::testing;

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

    #[tokio::test]
    async fn a_release_before_thousands_of_entries_is_found() {
        const ADD: &str = "INSERT INTO edge_release_log (region, plugin, revision, active, \
            canary, canary_percent, rollout, author, reason, written_at) VALUES";
        const ENTRIES: i64 = 12_000;
        let (_folder, control) = testing::control().await;
        let entry = |revision: i64| {
            let active = release(if revision == 1 { '1' } else { '2' });
            vec![
                text("here"),
                text("hello"),
                Value::Integer(revision),
                text(active),
                Value::Null,
                Value::Integer(0),
                text(""),
                text("tester"),
                text(""),
                Value::Integer(revision),
            ]
        };
        let entries: Vec<_> = (1..=ENTRIES).map(entry).collect();
        testing::insert(&control, ADD, &entries).await;
        let before = control.previous_release("hello", "here", Some(release('2')));
        assert_eq!(before.await.expect("a release"), Some(release('1')));
        let elsewhere = control.previous_release("hello", "there", None).await;
        assert_eq!(elsewhere.expect("no release"), None);
    }
}
