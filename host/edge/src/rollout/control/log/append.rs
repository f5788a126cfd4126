//! Writing of entries into the release log, each with its head.

use stores::sql::Value;

use super::entry::{DesiredState, NewEntry};
use super::heads;
use crate::rollout::control::rollouts::Rollout;
use crate::rollout::control::{Control, Result, text};

const APPEND_FOR_ROLLOUT: &str = "INSERT INTO edge_release_log \
    (region, plugin, revision, active, canary, canary_percent, rollout, author, reason, \
     written_at) SELECT ?, ?, ?, ?, ?, ?, id, author, ?, {now} FROM edge_rollout \
     WHERE id = ? AND phase = ?";
const APPEND: &str = "INSERT INTO edge_release_log \
    (region, plugin, revision, active, canary, canary_percent, rollout, author, reason, \
     written_at) VALUES";
const ENTRY: &str = "(?, ?, ?, ?, ?, ?, ?, ?, ?, {now})";

impl Control {
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
        desired: DesiredState,
        reason: &str,
    ) -> Result<bool> {
        let mut values = vec![
            text(region),
            text(&rollout.plugin),
            Value::Integer(after + 1),
        ];
        values.extend(desired.values());
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
            values.extend(entry.desired.values());
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
