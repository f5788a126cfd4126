//! The last revision of each region and plugin in the release log.
//!
//! `edge_release_head` has a row for each, written in the transaction that writes the entry. The
//! same revisions could be read from the log alone, but how much of a long log a server scans to
//! find its last entries depends on its statistics; through this table it reads one entry for each
//! row, by its primary key.
//!
//! Where the two differ, the log is right. Hosts of older versions write no heads, so a row may be
//! behind or missing. Each reader of a head checks whether the log has the next revision. Missing
//! heads are found when a new entry conflicts with one in the log, or when the log has entries and
//! no heads; and the node that leads compares all heads with the log every few minutes.
//! [`Control::reconcile_heads`] brings all rows up to the log.

use std::collections::BTreeMap;

use stores::sql::Value;

use crate::rollout::control::row::Row;
use crate::rollout::control::transaction::Transaction;
use crate::rollout::control::{Control, Result, text};

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
    pub(in crate::rollout::control) async fn heads(&self) -> Result<Vec<(String, String)>> {
        Ok(self.read_heads(HEADS).await?.into_keys().collect())
    }

    /// Brings the heads up to the release log, for entries of hosts that write no heads and for
    /// changes by hand. Of all statements on the log, only the one here scans the whole table.
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
                // The old revision in the condition keeps a newer head that a concurrent writer has
                // set.
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

/// Sets the head of a region and a plugin to an entry that the transaction has written.
pub(super) async fn set(
    transaction: &mut Transaction<'_>,
    region: &str,
    plugin: &str,
    revision: i64,
) -> Result<()> {
    let values = || vec![Value::Integer(revision), text(region), text(plugin)];
    // An UPDATE that finds no row takes a gap lock in InnoDB: two transactions that write first
    // entries would block each other's INSERT.
    if revision == 1 && transaction.try_execute(ADD, values()).await?.is_some() {
        return Ok(());
    }
    if transaction.execute(SET, values()).await?.rows_affected == 0 {
        transaction.execute(ADD, values()).await?;
    }
    Ok(())
}

/// Deletes all heads of a region.
pub(in crate::rollout::control) async fn drop_region(
    transaction: &mut Transaction<'_>,
    region: &str,
) -> Result<()> {
    let region = vec![text(region)];
    transaction.execute(DROP_REGION, region).await.map(|_| ())
}
