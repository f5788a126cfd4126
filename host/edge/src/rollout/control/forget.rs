//! Removal of nodes that have ended, and of regions that are no longer used.

use super::{Control, Result, heads, text};

const NODE: &str = "DELETE FROM edge_node WHERE node = ? AND seen_at < {now} - 6000";
const NODES_OF: &str = "DELETE FROM edge_node WHERE region = ? AND seen_at < {now} - 6000";
const LOG_OF: &str = "DELETE FROM edge_release_log WHERE region = ?";

impl Control {
    /// Removes a node whose last report is older than six seconds. Returns whether it was removed:
    /// a node that has reported since then stays.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_node(&self, node: &str) -> Result<bool> {
        let forgotten = self.execute(NODE, vec![text(node)]).await?;
        Ok(forgotten.rows_affected == 1)
    }

    /// Removes a region: its nodes that are silent, its release log and its heads. Returns how many
    /// entries of the release log it had.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_region(&self, region: &str) -> Result<u64> {
        self.execute(NODES_OF, vec![text(region)]).await?;
        let mut transaction = self.begin().await?;
        let forgotten = transaction.execute(LOG_OF, vec![text(region)]).await?;
        heads::drop_region(&mut transaction, region).await?;
        transaction.commit().await?;
        Ok(forgotten.rows_affected)
    }
}
