//! Regions: the time for which each has been without nodes, and removal of those that are no longer
//! used.
//!
//! Only time counts in which a node observed the region: a shop that was stopped, or restored from
//! a dump, finds each region's time as it was before.

use std::time::Duration;

use stores::sql::Value;

use super::log::heads;
use super::row::Row;
use super::{Control, Result, text};

/// Maximum time between two observations for the time between them to count, in milliseconds.
const LARGEST_STEP_MS: i64 = 600_000;

/// Selects every region of the release log, with or without nodes.
const OF_LOG: &str = "SELECT DISTINCT region FROM edge_release_head";
const EMPTY: &str = "SELECT region, {now} - empty_since FROM edge_region ORDER BY region";
const OBSERVE: &str = "UPDATE edge_region SET observed_at = {now} \
    WHERE region = ? AND observed_at >= {now} - ?";
const BEGIN_ANEW: &str = "UPDATE edge_region SET empty_since = {now}, observed_at = {now} \
    WHERE region = ?";
const BEGIN: &str =
    "INSERT INTO edge_region (region, empty_since, observed_at) VALUES (?, {now}, {now})";
const OCCUPIED: &str = "DELETE FROM edge_region WHERE region = ?";
const DROP_SILENT_NODES: &str = "DELETE FROM edge_node WHERE region = ? AND seen_at < {now} - 6000";
const DROP_LOG: &str = "DELETE FROM edge_release_log WHERE region = ?";

/// A region that was observed without live nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmptyRegion {
    /// Name of the region.
    pub region: String,
    /// Time for which the region has been without nodes.
    pub since: Duration,
}

impl EmptyRegion {
    fn read(mut row: Row) -> Result<Self> {
        Ok(Self {
            region: row.text()?,
            since: Duration::from_millis(u64::try_from(row.integer()?).unwrap_or(0)),
        })
    }
}

impl Control {
    /// Returns the regions that have entries in the release log, in no particular order.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn regions_of_log(&self) -> Result<Vec<String>> {
        let rows = self.query(OF_LOG, Vec::new()).await?;
        rows.into_iter().map(|mut row| row.text()).collect()
    }

    /// Returns the regions that were observed without nodes, by name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn empty_regions(&self) -> Result<Vec<EmptyRegion>> {
        let rows = self.query(EMPTY, Vec::new()).await?;
        rows.into_iter().map(EmptyRegion::read).collect()
    }

    /// Records that a region has no nodes now. Returns whether its time without nodes begins now:
    /// there was no earlier observation, or the last one was too long ago.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn note_empty_region(&self, region: &str) -> Result<bool> {
        let values = vec![text(region), Value::Integer(LARGEST_STEP_MS)];
        if self.execute(OBSERVE, values).await?.rows_affected > 0 {
            return Ok(false);
        }
        let begun = self.execute(BEGIN_ANEW, vec![text(region)]).await?;
        if begun.rows_affected == 0 {
            self.try_execute(BEGIN, vec![text(region)]).await?;
        }
        Ok(true)
    }

    /// Removes the record of a region, which has nodes again or no longer exists.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn note_region(&self, region: &str) -> Result<()> {
        self.execute(OCCUPIED, vec![text(region)]).await.map(|_| ())
    }

    /// Removes a region: its nodes that are silent, its release log and its heads. Returns how many
    /// entries of the release log it had.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_region(&self, region: &str) -> Result<u64> {
        self.execute(DROP_SILENT_NODES, vec![text(region)]).await?;
        let mut transaction = self.begin().await?;
        let forgotten = transaction.execute(DROP_LOG, vec![text(region)]).await?;
        heads::drop_region(&mut transaction, region).await?;
        transaction.commit().await?;
        Ok(forgotten.rows_affected)
    }
}
