//! Audit records of nodes that were refused because of their keys.

use crate::rollout::control::{Control, Result, text};

/// Action of these records in the audit log.
const REFUSED: &str = "join-refused";

const RECENT: &str = "SELECT COUNT(*) FROM edge_audit \
    WHERE written_at > {now} - 600000 AND action = ? AND author = ?";
const COUNT: &str = "SELECT COUNT(DISTINCT author) FROM edge_audit \
    WHERE written_at > {now} - 3600000 AND action = ?";

impl Control {
    /// Records in the audit log that a node was refused that signs with the key of this
    /// fingerprint, at most once in ten minutes for one fingerprint, so that a node that restarts
    /// in a loop adds few records.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn note_refused_join(&self, fingerprint: &str, reason: &str) -> Result<()> {
        let author = format!("a node with the secret {fingerprint}");
        let rows = self
            .query(RECENT, vec![text(REFUSED), text(&author)])
            .await?;
        let is_known = rows.into_iter().next().map(|mut row| row.integer());
        if is_known.transpose()?.unwrap_or_default() > 0 {
            return Ok(());
        }
        self.audit(&author, REFUSED, "", reason).await
    }

    /// Returns how many nodes were refused for their keys within the last hour, where nodes with
    /// the same secret count once.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn refused_joins(&self) -> Result<u64> {
        let row = self
            .query(COUNT, vec![text(REFUSED)])
            .await?
            .into_iter()
            .next();
        let count = row.map(|mut row| row.integer()).transpose()?;
        Ok(u64::try_from(count.unwrap_or_default()).unwrap_or_default())
    }
}
