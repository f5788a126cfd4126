//! Search of the release log for earlier states of a region, and for releases that have served.

use bundle::Digest;
use stores::sql::Value;

use super::entry::{DesiredState, Entry};
use crate::rollout::control::rollouts::Rollout;
use crate::rollout::control::{Control, ControlError, Result, text};

/// Selects the last entry of a region before a given revision that a given rollout did not write.
const BEFORE: &str = select!(
    "WHERE l.plugin = ? AND l.region = ? AND l.rollout <> ? AND l.revision < ? \
     ORDER BY l.revision DESC LIMIT 1"
);
const FIRST: &str = select!("WHERE l.plugin = ? AND l.region = ? ORDER BY l.revision LIMIT 1");
const SERVED: &str = select!("WHERE l.plugin = ? AND l.active = ? LIMIT 1");
const SERVED_BEFORE: &str =
    select!("WHERE l.plugin = ? AND l.active = ? AND l.region = ? AND l.revision < ? LIMIT 1");

impl Control {
    /// Returns the desired state of the region of `head` before `rollout` changed it; an empty
    /// state if the rollout brought the plugin to the region.
    ///
    /// # Errors
    /// When the database does not answer, or the region's log lacks entries.
    pub async fn desired_before(&self, rollout: &Rollout, head: &Entry) -> Result<DesiredState> {
        let values = vec![
            text(&rollout.plugin),
            text(&head.region),
            text(&rollout.id),
            Value::Integer(head.revision),
        ];
        let rows = self.query(BEFORE, values).await?;
        if let Some(row) = rows.into_iter().next() {
            return Ok(Entry::read(row)?.desired);
        }
        // Revisions count from 1: if the rollout was the first writer, it wrote revision 1.
        let values = vec![text(&rollout.plugin), text(&head.region)];
        let first = self.query(FIRST, values).await?.into_iter().next();
        match first.map(Entry::read).transpose()? {
            Some(first) if first.revision == 1 && first.rollout == rollout.id => {
                Ok(DesiredState::default())
            }
            _ => Err(ControlError::Unreadable(format!(
                "the release log of region {} lacks what ran before rollout {}",
                head.region, rollout.id
            ))),
        }
    }

    /// Returns whether the release has ever been the active release in any region.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn has_served(&self, plugin: &str, digest: Digest) -> Result<bool> {
        let rows = self.query(SERVED, vec![text(plugin), text(digest)]).await?;
        Ok(!rows.is_empty())
    }

    /// Returns whether the release was the active release of `region` before the given revision of
    /// the region's log.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn has_served_before(
        &self,
        plugin: &str,
        digest: Digest,
        region: &str,
        revision: i64,
    ) -> Result<bool> {
        let values = vec![
            text(plugin),
            text(digest),
            text(region),
            Value::Integer(revision),
        ];
        let rows = self.query(SERVED_BEFORE, values).await?;
        Ok(!rows.is_empty())
    }
}
