//! The release log, an append-only table of what each region is to run of each plugin.
//!
//! Entries are never changed. The last entry of a region and a plugin says what the region's nodes
//! are to run.

use std::collections::BTreeMap;
use std::time::Duration;

use bundle::Digest;
use serde::{Deserialize, Serialize};
use stores::sql::Value;

use super::rollouts::Rollout;
use super::row::Row;
use super::{Control, ControlError, Result, heads, optional, text};

macro_rules! columns {
    () => {
        "l.region, l.plugin, l.revision, l.active, l.canary, l.canary_percent, \
         l.rollout, l.author, l.reason, l.written_at, {now} - l.written_at"
    };
}
macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT ", columns!(), " FROM edge_release_log l ", $rest)
    };
}
// Declared after the macros, which the module uses.
mod history;

pub use history::is_of_entry;

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
/// Selects the last entry of a region before a given revision that a given rollout did not write.
const BEFORE: &str = select!(
    "WHERE l.plugin = ? AND l.region = ? AND l.rollout <> ? AND l.revision < ? \
     ORDER BY l.revision DESC LIMIT 1"
);
const FIRST: &str = select!("WHERE l.plugin = ? AND l.region = ? ORDER BY l.revision LIMIT 1");
const ELSEWHERE: &str = "SELECT h.region FROM edge_release_head h \
     LEFT JOIN edge_release_log l ON l.region = h.region AND l.plugin = h.plugin \
     AND l.revision = h.revision WHERE h.region <> ? GROUP BY h.region \
     HAVING COUNT(l.active) > 0 ORDER BY COUNT(l.active) DESC, h.region LIMIT 1";
const LATEST: &str =
    select!("WHERE l.region = ? AND l.plugin = ? ORDER BY l.revision DESC LIMIT ?");
const SERVED: &str = select!("WHERE l.plugin = ? AND l.active = ? LIMIT 1");
const SERVED_BEFORE: &str =
    select!("WHERE l.plugin = ? AND l.active = ? AND l.region = ? AND l.revision < ? LIMIT 1");
const APPEND_FOR_ROLLOUT: &str = "INSERT INTO edge_release_log \
    (region, plugin, revision, active, canary, canary_percent, rollout, author, reason, \
     written_at) SELECT ?, ?, ?, ?, ?, ?, id, author, ?, {now} FROM edge_rollout \
     WHERE id = ? AND phase = ?";
const APPEND: &str = "INSERT INTO edge_release_log \
    (region, plugin, revision, active, canary, canary_percent, rollout, author, reason, \
     written_at) VALUES";
const ENTRY: &str = "(?, ?, ?, ?, ?, ?, ?, ?, ?, {now})";

/// Maximum number of attempts to read heads that match the log.
const ATTEMPTS: usize = 3;

/// The desired state of one plugin in one region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The release that serves; `None` once the plugin is removed.
    pub active: Option<Digest>,
    /// The canary release, which serves some clients instead of the active one.
    pub canary: Option<WantedCanary>,
}

/// A canary release and its share of the clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedCanary {
    /// Digest of the release.
    pub digest: Digest,
    /// Percentage of the clients that the canary serves.
    pub percent: u8,
}

impl Wanted {
    /// Returns the state in which `digest` serves all clients, without a canary.
    #[must_use]
    pub fn only(digest: Option<Digest>) -> Self {
        Self {
            active: digest,
            canary: None,
        }
    }

    fn values(&self) -> [Value; 3] {
        let canary = self.canary.as_ref();
        [
            optional(self.active),
            optional(canary.map(|canary| canary.digest)),
            Value::Integer(canary.map_or(0, |canary| canary.percent.into())),
        ]
    }
}

/// One entry of the release log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// Region of the entry.
    pub region: String,
    /// Plugin of the entry.
    pub plugin: String,
    /// Revision of the entry, counted from 1 for each region and plugin.
    pub revision: i64,
    /// Desired state from this entry on.
    #[serde(flatten)]
    pub wanted: Wanted,
    /// ID of the rollout that wrote the entry; empty for other writers, such as a node that adopts
    /// its plugin folder.
    pub rollout: String,
    /// Operator or node that asked for the change.
    pub author: String,
    /// Reason of the change; may be empty.
    pub reason: String,
    /// Time when the entry was written, in milliseconds since 1970.
    pub written_at: i64,
    /// Age of the entry when it was read, in milliseconds.
    pub age_ms: i64,
}

/// A new entry that is written by other than the rollout controller.
#[derive(Debug, Clone)]
pub struct NewEntry<'a> {
    /// Region of the entry.
    pub region: &'a str,
    /// Plugin of the entry.
    pub plugin: &'a str,
    /// Revision that the entry follows; 0 for the first of its region and plugin.
    pub after: i64,
    /// Desired state from this entry on.
    pub wanted: Wanted,
    /// ID of the rollout that the entry belongs to; empty for none.
    pub rollout: &'a str,
    /// Operator or node that asks for the change.
    pub author: &'a str,
    /// Reason of the change; may be empty.
    pub reason: &'a str,
}

impl Entry {
    /// Returns the age of the entry when it was read.
    #[must_use]
    pub fn age(&self) -> Duration {
        Duration::from_millis(self.age_ms.unsigned_abs())
    }

    fn read(mut row: Row) -> Result<Self> {
        let (region, plugin, revision) = (row.text()?, row.text()?, row.integer()?);
        let (active, canary, percent) = (row.optional()?, row.optional()?, row.integer()?);
        let percent = u8::try_from(percent).unwrap_or(100).min(100);
        Ok(Self {
            region,
            plugin,
            revision,
            wanted: Wanted {
                active,
                canary: canary.map(|digest| WantedCanary { digest, percent }),
            },
            rollout: row.text()?,
            author: row.text()?,
            reason: row.text()?,
            written_at: row.integer()?,
            age_ms: row.integer()?.max(0),
        })
    }
}

impl Control {
    /// Returns the last entry of every plugin in `region`, by plugin.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn wanted_in(&self, region: &str) -> Result<BTreeMap<String, Entry>> {
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
    pub async fn wanted_of(&self, plugin: &str) -> Result<BTreeMap<String, Entry>> {
        let entries = self.entries_at_heads(&OF_PLUGIN, plugin).await?;
        Ok(entries
            .into_iter()
            .map(|entry| (entry.region.clone(), entry))
            .collect())
    }

    async fn entries_at_heads(&self, of: &Select, name: &str) -> Result<Vec<Entry>> {
        for _ in 0..ATTEMPTS {
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

    /// Returns the desired state of the region of `head` before `rollout` changed it; an empty
    /// state if the rollout brought the plugin to the region.
    ///
    /// # Errors
    /// When the database does not answer, or the region's log lacks entries.
    pub async fn wanted_before(&self, rollout: &Rollout, head: &Entry) -> Result<Wanted> {
        let values = vec![
            text(&rollout.plugin),
            text(&head.region),
            text(&rollout.id),
            Value::Integer(head.revision),
        ];
        let rows = self.query(BEFORE, values).await?;
        if let Some(row) = rows.into_iter().next() {
            return Ok(Entry::read(row)?.wanted);
        }
        // Revisions count from 1: if the rollout was the first writer, it wrote revision 1.
        let values = vec![text(&rollout.plugin), text(&head.region)];
        let first = self.query(FIRST, values).await?.into_iter().next();
        match first.map(Entry::read).transpose()? {
            Some(first) if first.revision == 1 && first.rollout == rollout.id => {
                Ok(Wanted::default())
            }
            _ => Err(ControlError::Unreadable(format!(
                "the release log of region {} lacks what ran before rollout {}",
                head.region, rollout.id
            ))),
        }
    }

    /// Returns whether the release has ever been the active release in any region.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn has_served(&self, plugin: &str, digest: Digest) -> Result<bool> {
        let rows = self.query(SERVED, vec![text(plugin), text(digest)]).await?;
        Ok(!rows.is_empty())
    }

    /// Returns whether the release was the active release of `region` before the given revision of
    /// the region's log.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn has_served_before(
        &self,
        plugin: &str,
        digest: Digest,
        region: &str,
        revision: i64,
    ) -> Result<bool> {
        let values = vec![
            text(plugin),
            text(digest),
            text(region),
            Value::Integer(revision),
        ];
        let rows = self.query(SERVED_BEFORE, values).await?;
        Ok(!rows.is_empty())
    }

    /// Writes an entry for a rollout, if the rollout is still in the phase in which it was read: a
    /// rollout that was ended meanwhile writes nothing. Returns whether the entry was written.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub async fn append_for(
        &self,
        rollout: &Rollout,
        region: &str,
        after: i64,
        wanted: Wanted,
        reason: &str,
    ) -> Result<bool> {
        let mut values = vec![
            text(region),
            text(&rollout.plugin),
            Value::Integer(after + 1),
        ];
        values.extend(wanted.values());
        values.extend([text(reason), text(&rollout.id), text(rollout.phase)]);
        let place = (region, rollout.plugin.as_str(), after + 1);
        self.write(APPEND_FOR_ROLLOUT, values, &[place]).await
    }

    /// Writes an entry. Returns whether it follows revision `after`; if not, another writer was
    /// first and nothing is changed.
    ///
    /// # Errors
    /// When the database does not answer. Whether the entry was written is unknown then.
    pub async fn append(&self, entry: NewEntry<'_>) -> Result<bool> {
        self.append_all(&[entry]).await
    }

    /// Writes several entries atomically: readers of the log see all of them or none. Returns
    /// whether each entry follows its revision `after`; if not, nothing is changed.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub async fn append_all(&self, entries: &[NewEntry<'_>]) -> Result<bool> {
        let rows = vec![ENTRY; entries.len()].join(", ");
        let mut values = Vec::new();
        for entry in entries {
            values.extend([
                text(entry.region),
                text(entry.plugin),
                Value::Integer(entry.after + 1),
            ]);
            values.extend(entry.wanted.values());
            values.extend([text(entry.rollout), text(entry.author), text(entry.reason)]);
        }
        let places = entries
            .iter()
            .map(|entry| (entry.region, entry.plugin, entry.after + 1));
        let places: Vec<_> = places.collect();
        self.write(&format!("{APPEND} {rows}"), values, &places)
            .await
    }

    /// Writes entries and their heads, each a region, a plugin and a revision, in one transaction.
    /// Returns whether they were written.
    async fn write(
        &self,
        insert: &str,
        values: Vec<Value>,
        heads: &[(&str, &str, i64)],
    ) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let written = transaction.try_execute(insert, values).await?;
        if written.is_none_or(|outcome| outcome.rows_affected == 0) {
            transaction.rollback().await?;
            // The conflicting entry may be one without a head.
            if written.is_none() {
                self.reconcile_heads().await?;
            }
            return Ok(false);
        }
        for (region, plugin, revision) in heads {
            heads::set(&mut transaction, region, plugin, *revision).await?;
        }
        transaction.commit().await?;
        Ok(true)
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
