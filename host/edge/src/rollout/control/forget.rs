//! Forgetting nodes that ended, and regions that are no more.

use super::{Control, Result, heads, text};

const NODE: &str = "DELETE FROM edge_node WHERE node = ? AND seen_at < {now} - 6000";
const NODES_OF: &str = "DELETE FROM edge_node WHERE region = ? AND seen_at < {now} - 6000";
const LOG_OF: &str = "DELETE FROM edge_release_log WHERE region = ?";

impl Control {
    /// Forgets a node that is not heard of. Returns whether it did: one that
    /// reported meanwhile is there again.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_node(&self, node: &str) -> Result<bool> {
        let forgotten = self.execute(NODE, vec![text(node)]).await?;
        Ok(forgotten.rows_affected == 1)
    }

    /// Forgets a region: its nodes that are not heard of, and what it was to
    /// run. Returns how many entries of the release log it had.
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
