//! The last revision of each region and plugin in the release log.
//!
//! `edge_release_head` has a row for each, written in the transaction that
//! writes the entry. The log itself could tell, but how much of a long log a
//! server reads to find its last entries depends on its statistics; through this
//! table it reads one entry for each row, by its primary key.
//!
//! The log decides. Hosts of older versions write no heads, so a row may be
//! behind or missing. Whoever reads a head looks whether the log has the revision
//! that follows it; a new entry that the log has already, or a log without any
//! heads, tells of missing ones; and the node that leads compares all of them
//! every few minutes. [`Control::reconcile_heads`] brings all rows up to the log.

use std::collections::BTreeMap;

use stores::sql::Value;

use super::row::Row;
use super::transaction::Transaction;
use super::{Control, Result, text};

const HEADS: &str = "SELECT region, plugin, revision FROM edge_release_head";
const LAST_ENTRIES: &str = "SELECT region, plugin, MAX(revision) FROM edge_release_log \
    GROUP BY region, plugin";
const ADD: &str = "INSERT INTO edge_release_head (revision, region, plugin) VALUES (?, ?, ?)";
const SET: &str = "UPDATE edge_release_head SET revision = ? WHERE region = ? AND plugin = ?";
const MOVE: &str = "UPDATE edge_release_head SET revision = ? \
    WHERE region = ? AND plugin = ? AND revision = ?";
const DROP: &str = "DELETE FROM edge_release_head WHERE region = ? AND plugin = ? AND revision = ?";
const DROP_REGION: &str = "DELETE FROM edge_release_head WHERE region = ?";

/// The last revision by region and plugin.
type Heads = BTreeMap<(String, String), i64>;

impl Control {
    /// Returns the region and the plugin of every head.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn heads(&self) -> Result<Vec<(String, String)>> {
        Ok(self.read_heads(HEADS).await?.into_keys().collect())
    }

    /// Brings the heads to what the release log says, after hosts that write
    /// none, or after changes by hand. The one statement that may read the whole
    /// log.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn reconcile_heads(&self) -> Result<()> {
        let mut heads = self.read_heads(HEADS).await?;
        for ((region, plugin), revision) in self.read_heads(LAST_ENTRIES).await? {
            let place = (region, plugin);
            let values = vec![Value::Integer(revision), text(&place.0), text(&place.1)];
            match heads.remove(&place) {
                Some(head) if head == revision => {}
                // Unless a writer of an entry was faster, who knows better.
                Some(head) => {
                    let moved = [values, vec![Value::Integer(head)]].concat();
                    self.execute(MOVE, moved).await?;
                }
                None => {
                    self.try_execute(ADD, values).await?;
                }
            }
        }
        for ((region, plugin), head) in heads {
            let place = vec![text(region), text(plugin), Value::Integer(head)];
            self.execute(DROP, place).await?;
        }
        Ok(())
    }

    async fn read_heads(&self, statement: &str) -> Result<Heads> {
        let rows = self.query(statement, Vec::new()).await?;
        rows.into_iter().map(read).collect()
    }
}

fn read(mut row: Row) -> Result<((String, String), i64)> {
    Ok(((row.text()?, row.text()?), row.integer()?))
}

/// Lets the head of a region and a plugin be an entry that the transaction has
/// written.
pub(super) async fn set(
    transaction: &mut Transaction<'_>,
    region: &str,
    plugin: &str,
    revision: i64,
) -> Result<()> {
    let values = || vec![Value::Integer(revision), text(region), text(plugin)];
    // An UPDATE that finds no row locks the gap for the row: two first entries
    // would each keep the other's row out of it.
    if revision == 1 && transaction.try_execute(ADD, values()).await?.is_some() {
        return Ok(());
    }
    if transaction.execute(SET, values()).await?.rows_affected == 0 {
        transaction.execute(ADD, values()).await?;
    }
    Ok(())
}

/// Lets a region have no heads.
pub(super) async fn drop_region(transaction: &mut Transaction<'_>, region: &str) -> Result<()> {
    let region = vec![text(region)];
    transaction.execute(DROP_REGION, region).await.map(|_| ())
}
