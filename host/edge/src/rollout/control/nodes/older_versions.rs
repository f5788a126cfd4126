//! Nodes of older host versions, which lack capabilities that this version relies on.
//!
//! A node that ends in order leaves no row in `edge_node` and may be started again in the same
//! version. So `edge_older_version` records when such a node was last seen.

use stores::sql::Value;

use super::record::NodeRecord;
use crate::rollout::control::{Control, Result, text};

/// Name of the capability to read bundles that are stored as blobs.
const BLOBS: &str = "reads_blobs";
/// Name of the capability to write heads of the release log.
const HEADS: &str = "writes_heads";

/// Time for which a node that lacks a capability counts after it was last seen, in milliseconds.
const REMEMBERED_MS: i64 = 3_600_000;

const SEE_AGAIN: &str = "UPDATE edge_older_version SET seen_at = {now} WHERE lacks = ?";
const SEE: &str = "INSERT INTO edge_older_version (lacks, seen_at) VALUES (?, {now})";
const SEEN: &str =
    "SELECT COUNT(*) FROM edge_older_version WHERE lacks = ? AND seen_at > {now} - ?";

impl Control {
    /// Records the current time for each capability that any of `nodes` lacks.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn note_older_versions(&self, nodes: &[NodeRecord]) -> Result<()> {
        if nodes.iter().any(|node| !node.report.writes_heads) {
            self.see(HEADS).await?;
        }
        if nodes.iter().any(|node| !node.report.reads_blobs) {
            self.see(BLOBS).await?;
        }
        Ok(())
    }

    /// Returns whether a node that writes no heads of the release log was seen within the last
    /// hour.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn lately_lacks_heads(&self) -> Result<bool> {
        self.was_seen_lately(HEADS).await
    }

    /// Returns whether a node that reads no blobs is listed now, or was seen within the last hour.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(in crate::rollout::control) async fn lately_lacks_blobs(&self) -> Result<bool> {
        self.note_older_versions(&self.nodes().await?).await?;
        self.was_seen_lately(BLOBS).await
    }

    async fn was_seen_lately(&self, lacks: &str) -> Result<bool> {
        let values = vec![text(lacks), Value::Integer(REMEMBERED_MS)];
        let row = self.query(SEEN, values).await?.into_iter().next();
        let seen = row.map(|mut row| row.integer()).transpose()?;
        Ok(seen.unwrap_or(0) > 0)
    }

    async fn see(&self, lacks: &str) -> Result<()> {
        if self
            .execute(SEE_AGAIN, vec![text(lacks)])
            .await?
            .rows_affected
            == 0
        {
            self.try_execute(SEE, vec![text(lacks)]).await?;
        }
        Ok(())
    }
}
