//! The last entries of the release log, which say what each region is to run.

use std::collections::BTreeMap;

use stores::sql::Value;

use super::entry::Entry;
use crate::rollout::control::row::Row;
use crate::rollout::control::{Control, ControlError, Result, text};

/// Selects the log entries at the heads. Outer joins make the server begin with the heads, whatever
/// its statistics say. The first column is 1 if the head is not the last entry of the log.
macro_rules! select_at_heads {
    ($rest:literal) => {
        concat!(
            "SELECT CASE WHEN l.revision IS NULL OR n.revision IS NOT NULL THEN 1 ELSE 0 END, ",
            columns!(),
            " FROM edge_release_head h \
             LEFT JOIN edge_release_log l ON l.region = h.region AND l.plugin = h.plugin \
             AND l.revision = h.revision \
             LEFT JOIN edge_release_log n ON n.region = h.region AND n.plugin = h.plugin \
             AND n.revision = h.revision + 1 ",
            $rest
        )
    };
}
/// Statements that select the last entries of one region or of one plugin by name.
struct Select {
    entries: &'static str,
    /// Statement that tests whether the log has any entry of that name.
    any: &'static str,
}

const OF_REGION: Select = Select {
    entries: select_at_heads!("WHERE h.region = ?"),
    any: "SELECT 1 FROM edge_release_log WHERE region = ? LIMIT 1",
};
const OF_PLUGIN: Select = Select {
    entries: select_at_heads!("WHERE h.plugin = ?"),
    any: "SELECT 1 FROM edge_release_log WHERE plugin = ? LIMIT 1",
};
const ELSEWHERE: &str = "SELECT h.region FROM edge_release_head h \
     LEFT JOIN edge_release_log l ON l.region = h.region AND l.plugin = h.plugin \
     AND l.revision = h.revision WHERE h.region <> ? GROUP BY h.region \
     HAVING COUNT(l.active) > 0 ORDER BY COUNT(l.active) DESC, h.region LIMIT 1";
const LATEST: &str =
    select!("WHERE l.region = ? AND l.plugin = ? ORDER BY l.revision DESC LIMIT ?");

/// Maximum number of attempts to read heads that match the log.
const MAX_ATTEMPTS: usize = 3;

impl Control {
    /// Returns the last entry of every plugin in `region`, by plugin.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn desired_in(&self, region: &str) -> Result<BTreeMap<String, Entry>> {
        let entries = self.entries_at_heads(&OF_REGION, region).await?;
        Ok(entries
            .into_iter()
            .map(|entry| (entry.plugin.clone(), entry))
            .collect())
    }

    /// Returns the region other than `region` that runs the most plugins, or `None` if no other
    /// region runs one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn other_region_that_runs(&self, region: &str) -> Result<Option<String>> {
        let rows = self.query(ELSEWHERE, vec![text(region)]).await?;
        rows.into_iter()
            .next()
            .map(|mut row| row.text())
            .transpose()
    }

    /// Returns the last entry of `plugin` in every region, by region.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn desired_of(&self, plugin: &str) -> Result<BTreeMap<String, Entry>> {
        let entries = self.entries_at_heads(&OF_PLUGIN, plugin).await?;
        Ok(entries
            .into_iter()
            .map(|entry| (entry.region.clone(), entry))
            .collect())
    }

    async fn entries_at_heads(&self, of: &Select, name: &str) -> Result<Vec<Entry>> {
        for _ in 0..MAX_ATTEMPTS {
            match self.query(of.entries, vec![text(name)]).await {
                Ok(rows) => match read_at_heads(rows)? {
                    Some(entries) if !entries.is_empty() => return Ok(entries),
                    Some(_) if !self.is_in_log(of, name).await? => return Ok(Vec::new()),
                    _ => self.reconcile_heads().await?,
                },
                // A restored dump of an older version lacks the table of heads. Nodes that were
                // running during the restore created it in the former database.
                Err(error) if !error.is_transient() => {
                    self.create_tables().await?;
                    self.reconcile_heads().await?;
                }
                Err(error) => return Err(error),
            }
        }
        let why = format!("the heads of {name} do not keep up with the release log");
        Err(ControlError::Unreadable(why))
    }

    async fn is_in_log(&self, of: &Select, name: &str) -> Result<bool> {
        let found = self.query(of.any, vec![text(name)]).await?;
        Ok(!found.is_empty())
    }

    /// Returns the newest entries of `plugin` in `region`, at most `count`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn latest_entries(
        &self,
        region: &str,
        plugin: &str,
        count: u32,
    ) -> Result<Vec<Entry>> {
        let values = vec![text(region), text(plugin), Value::Integer(count.into())];
        let rows = self.query(LATEST, values).await?;
        rows.into_iter().map(Entry::read).collect()
    }
}

/// Reads the rows that `select_at_heads!` selects. Returns `None` if a head is not the last entry
/// of the log.
fn read_at_heads(rows: Vec<Row>) -> Result<Option<Vec<Entry>>> {
    let mut entries = Vec::new();
    for mut row in rows {
        if row.integer()? != 0 {
            return Ok(None);
        }
        entries.push(Entry::read(row)?);
    }
    Ok(Some(entries))
}
