//! The shop's nodes, and what each says of itself.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use stores::sql::Value;

use super::row::Row;
use super::{Control, Result, text};
use crate::rollout::report::Report;

/// A node that was not heard of for this long is down.
pub const SILENCE: Duration = Duration::from_secs(6);

const SEEN: &str = "UPDATE edge_node SET region = ?, report = ?, seen_at = {now} WHERE node = ?";
const JOIN: &str = "INSERT INTO edge_node (region, report, node, seen_at) VALUES (?, ?, ?, {now})";
/// A process that took another one's place knows that the other is no more.
const PRESUME_DEAD: &str =
    "UPDATE edge_node SET seen_at = {now} - 60000 WHERE node = ? AND seen_at > {now} - 60000";
const LEAVE: &str = "DELETE FROM edge_node WHERE node = ?";
const FORGET: &str = "DELETE FROM edge_node WHERE seen_at < {now} - ?";
const ALL: &str = "SELECT node, region, report, {now} - seen_at FROM edge_node \
     WHERE seen_at > {now} - ? ORDER BY region, node";

/// A node, as it last reported.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NodeRecord {
    /// Names it, until it ends.
    pub node: String,
    /// Its region.
    pub region: String,
    /// What it said.
    #[serde(flatten)]
    pub report: Report,
    /// How long ago, in milliseconds.
    pub age_ms: i64,
}

impl NodeRecord {
    /// How long ago the node reported.
    #[must_use]
    pub fn age(&self) -> Duration {
        Duration::from_millis(self.age_ms.unsigned_abs())
    }

    /// Whether it was heard of lately.
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

/// What a node said of itself. One whose report this version cannot read is
/// there all the same, with nothing that it serves.
fn read_report(text: &str) -> Report {
    serde_json::from_str(text).unwrap_or_else(|error| Report {
        warnings: vec![format!("its report cannot be read: {error}")],
        ..Report::default()
    })
}

impl Control {
    /// Write down what the node says of itself.
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

    /// The node ends in order: rollouts expect nothing of it any more. One that
    /// dies stays, as silent.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn leave(&self, node: &str) -> Result<()> {
        self.execute(LEAVE, vec![text(node)]).await?;
        self.give_back_lead(node).await
    }

    /// Lets the node count as silent from now on, unless it reports again.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn presume_dead(&self, node: &str) -> Result<()> {
        self.execute(PRESUME_DEAD, vec![text(node)]).await?;
        self.give_back_lead(node).await
    }

    /// Every node that was heard of lately: not longer ago than nodes are
    /// listed that report no more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn nodes(&self) -> Result<Vec<NodeRecord>> {
        let rows = self.query(ALL, vec![self.node_age()]).await?;
        rows.into_iter().map(NodeRecord::read).collect()
    }

    fn node_age(&self) -> Value {
        let age = self.forget_nodes_after.as_millis();
        Value::Integer(i64::try_from(age).unwrap_or(i64::MAX))
    }
}
