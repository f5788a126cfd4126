//! Nodes of the shop and the report of each.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use stores::sql::Value;

use crate::rollout::control::row::Row;
use crate::rollout::control::{Control, Result, text};
use crate::rollout::report::Report;

/// Age of the last report beyond which a node counts as down.
pub const SILENCE: Duration = Duration::from_secs(6);

const SEEN: &str = "UPDATE edge_node SET region = ?, report = ?, seen_at = {now} WHERE node = ?";
const JOIN: &str = "INSERT INTO edge_node (region, report, node, seen_at) VALUES (?, ?, ?, {now})";
/// Sets a node's last report to a minute ago, unless it is older. A process that took another one's
/// place knows that the other has ended.
const PRESUME_DEAD: &str =
    "UPDATE edge_node SET seen_at = {now} - 60000 WHERE node = ? AND seen_at > {now} - 60000";
const LEAVE: &str = "DELETE FROM edge_node WHERE node = ?";
const FORGET: &str = "DELETE FROM edge_node WHERE seen_at < {now} - ?";
/// Deletes a node whose last report is older than six seconds.
const FORGET_NODE: &str = "DELETE FROM edge_node WHERE node = ? AND seen_at < {now} - 6000";
const ALL: &str = "SELECT node, region, report, {now} - seen_at FROM edge_node \
     WHERE seen_at > {now} - ? ORDER BY region, node";

/// A node with its last report.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NodeRecord {
    /// Name of the node, unique to one run of its process.
    pub node: String,
    /// Region of the node.
    pub region: String,
    /// Last report of the node.
    #[serde(flatten)]
    pub report: Report,
    /// Age of the report when it was read, in milliseconds.
    pub age_ms: i64,
}

impl NodeRecord {
    /// Returns the age of the node's last report when it was read.
    #[must_use]
    pub fn age(&self) -> Duration {
        Duration::from_millis(self.age_ms.unsigned_abs())
    }

    /// Returns whether the last report is not older than [`SILENCE`].
    #[must_use]
    pub fn is_live(&self) -> bool {
        u128::try_from(self.age_ms).is_ok_and(|age| age <= SILENCE.as_millis())
    }

    fn read(mut row: Row) -> Result<Self> {
        Ok(Self {
            node: row.text()?,
            region: row.text()?,
            report: read_report(&row.text()?),
            age_ms: row.integer()?.max(0),
        })
    }
}

/// Parses a node's report. A report that this version cannot read becomes an empty one with a
/// warning, so that the node is listed all the same.
fn read_report(text: &str) -> Report {
    serde_json::from_str(text).unwrap_or_else(|error| Report {
        warnings: vec![format!("its report cannot be read: {error}")],
        ..Report::default()
    })
}

impl Control {
    /// Stores the report of a node. The first report of a node also removes nodes past their age
    /// and notes nodes of older host versions.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn report(&self, node: &str, region: &str, report: &Report) -> Result<()> {
        let report = serde_json::json!(report);
        let values = || vec![text(region), text(&report), text(node)];
        if self.execute(SEEN, values()).await?.rows_affected == 0 {
            self.try_execute(JOIN, values()).await?;
            self.execute(FORGET, vec![self.node_age()]).await?;
            self.note_older_versions(&self.nodes().await?).await?;
        }
        Ok(())
    }

    /// Removes a node that shuts down in order, so that rollouts no longer expect it, and gives up
    /// its lead. A node that crashes stays listed as silent.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn leave(&self, node: &str) -> Result<()> {
        self.execute(LEAVE, vec![text(node)]).await?;
        self.give_back_lead(node).await
    }

    /// Marks a node as silent until it reports again, and gives up its lead.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn presume_dead(&self, node: &str) -> Result<()> {
        self.execute(PRESUME_DEAD, vec![text(node)]).await?;
        self.give_back_lead(node).await
    }

    /// Returns the nodes whose last report is younger than the configured age, live or not, by
    /// region and name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn nodes(&self) -> Result<Vec<NodeRecord>> {
        let rows = self.query(ALL, vec![self.node_age()]).await?;
        rows.into_iter().map(NodeRecord::read).collect()
    }

    /// Removes a node whose last report is older than six seconds. Returns whether it was removed:
    /// a node that has reported since then stays.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_node(&self, node: &str) -> Result<bool> {
        let forgotten = self.execute(FORGET_NODE, vec![text(node)]).await?;
        Ok(forgotten.rows_affected == 1)
    }

    fn node_age(&self) -> Value {
        let age = self.forget_nodes_after.as_millis();
        Value::Integer(i64::try_from(age).unwrap_or(i64::MAX))
    }
}
