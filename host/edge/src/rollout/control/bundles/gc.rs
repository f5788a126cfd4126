//! Garbage collection of bundles that are no longer needed, and of blobs that no bundle lists. The
//! records of bundles stay, so that the log can name them; adding a collected bundle again restores
//! its content.

use std::collections::BTreeSet;

use bundle::Digest;
use serde::{Deserialize, Serialize};
use stores::sql::Value;

use super::blobs::{self, DROP_UPLOAD};
use super::record::BundleRecord;
use super::store::DROP_PARTS;
use crate::rollout::control::log::DesiredState;
use crate::rollout::control::row::parse;
use crate::rollout::control::scan::{PAGE, page_limit};
use crate::rollout::control::{Control, Result, text};

/// Age below which bundles are kept because their rollout may begin yet, in milliseconds.
const RECENT_MS: i64 = 3_600_000;

/// Selects a page of all bundles, which begins after a plugin, a time and a digest.
const PAGE_OF_ALL: &str = "SELECT digest, plugin, version, parts, signature, author, added_at, \
    {now} - added_at FROM edge_bundle \
    WHERE plugin > ? OR (plugin = ? AND (added_at < ? OR (added_at = ? AND digest > ?))) \
    ORDER BY plugin, added_at DESC, digest LIMIT ?";
/// Number of the last entries of a region and a plugin whose releases are kept, because a rollout
/// may revert to them.
const LATE_ENTRIES: u32 = 5;

const OPEN_ROLLOUTS: &str = "SELECT digest, NULL FROM edge_rollout WHERE open_plugin IS NOT NULL";
const OPEN_RUNS: &str = "SELECT digest, NULL FROM edge_migration_run WHERE open_target IS NOT NULL";
/// Marks a bundle as collected. The check and the update are one statement, so that a rollout that
/// begins concurrently is either seen here or sees the mark.
const COLLECT: &str = "UPDATE edge_bundle SET parts = -1 WHERE digest = ? AND parts >= 0 \
    AND NOT EXISTS (SELECT 1 FROM edge_rollout r \
    WHERE r.digest = edge_bundle.digest AND r.open_plugin IS NOT NULL)";
/// Selects the collected bundles whose content is still stored, also by older hosts.
const COLLECTED_WITH_CONTENT: &str = "SELECT b.digest FROM edge_bundle b WHERE b.parts < 0 \
    AND (EXISTS (SELECT 1 FROM edge_bundle_part p WHERE p.digest = b.digest) \
    OR EXISTS (SELECT 1 FROM edge_bundle_blob s WHERE s.bundle = b.digest)) \
    AND b.digest > ? ORDER BY b.digest LIMIT ?";
/// Locks the record of a collected bundle until the transaction ends.
const HOLD_COLLECTED: &str = "UPDATE edge_bundle SET parts = -1 WHERE digest = ? AND parts < 0";
/// Age below which unused blobs and parts are kept because a bundle with them may be being stored,
/// in milliseconds.
const RECENT_BLOB_MS: i64 = 3_600_000;
const UNUSED_BLOBS: &str = "SELECT b.digest FROM edge_blob b WHERE b.used_at < {now} - ? \
    AND NOT EXISTS (SELECT 1 FROM edge_bundle_blob s WHERE s.blob_digest = b.digest) \
    AND b.digest > ? ORDER BY b.digest LIMIT ?";
const DROP_BLOB: &str = "DELETE FROM edge_blob WHERE digest = ? AND used_at < {now} - ? \
    AND NOT EXISTS (SELECT 1 FROM edge_bundle_blob s WHERE s.blob_digest = edge_blob.digest)";
const UNUSED_UPLOADS: &str = "SELECT DISTINCT p.upload FROM edge_blob_part p \
    WHERE p.written_at < {now} - ? \
    AND NOT EXISTS (SELECT 1 FROM edge_blob b WHERE b.upload = p.upload) \
    AND p.upload > ? ORDER BY p.upload LIMIT ?";

/// Result of a garbage collection.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Collection {
    /// Bundles that were collected, or would be in a dry run.
    pub collected: Vec<BundleRecord>,
    /// Number of bundles that are kept, without those collected earlier.
    pub kept: usize,
    /// Number of bundles that were converted from blobs to the whole layout; `None` unless that was
    /// asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored_whole: Option<usize>,
}

impl Control {
    /// Returns the bundles that can be collected: those that are older than an hour, not among the
    /// `keep` newest of their plugin, not run by a region or a possible target of a rollback, not
    /// in use by an open rollout or run of migrations, and not reported by a node.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn garbage(&self, keep: usize) -> Result<Collection> {
        let needed = self.needed().await?;
        let mut found = Collection::default();
        let (mut plugin, mut newer) = (String::new(), 0);
        for (record, age) in self.all_bundles().await? {
            if record.plugin != plugin {
                plugin.clone_from(&record.plugin);
                newer = 0;
            }
            if record.collected {
                continue;
            }
            newer += 1;
            match newer <= keep || age < RECENT_MS || needed.contains(&record.digest) {
                true => found.kept += 1,
                false => found.collected.push(record),
            }
        }
        Ok(found)
    }

    /// Returns the records of all bundles by plugin, newest first, with the age of each in
    /// milliseconds.
    async fn all_bundles(&self) -> Result<Vec<(BundleRecord, i64)>> {
        let mut all: Vec<(BundleRecord, i64)> = Vec::new();
        loop {
            let after = all.last().map(|(last, _)| last);
            let rows = self.query(PAGE_OF_ALL, page_after(after)).await?;
            let is_last = rows.len() < PAGE;
            for mut row in rows {
                all.push((BundleRecord::read_columns(&mut row)?, row.integer()?));
            }
            if is_last {
                return Ok(all);
            }
        }
    }

    /// Returns the releases that serve, are being rolled out or migrated, or may be rolled back to.
    async fn needed(&self) -> Result<BTreeSet<Digest>> {
        let mut needed = BTreeSet::new();
        for text in [OPEN_ROLLOUTS, OPEN_RUNS] {
            for mut row in self.query(text, Vec::new()).await? {
                needed.extend(row.optional::<Digest>()?);
                needed.extend(row.optional::<Digest>()?);
            }
        }
        // Without the heads that older hosts did not write, releases that serve would be missed.
        self.reconcile_heads().await?;
        for (region, plugin) in self.heads().await? {
            let late = self.latest_entries(&region, &plugin, LATE_ENTRIES).await?;
            let now = late.first().and_then(|entry| entry.desired.active);
            for DesiredState { active, canary } in late.into_iter().map(|entry| entry.desired) {
                needed.extend(active);
                needed.extend(canary.map(|canary| canary.digest));
            }
            needed.extend(self.previous_release(&plugin, &region, now).await?);
        }
        for node in self.nodes().await? {
            let plugins = node.report.plugins.into_values();
            let releases = plugins.flat_map(|it| [it.active, it.canary, it.before]);
            needed.extend(releases.flatten().map(|release| release.digest));
        }
        Ok(needed)
    }

    /// Marks a bundle as collected. Returns whether it was marked; `false` if a rollout of it has
    /// begun meanwhile, or it was collected before. The content is deleted by
    /// [`drop_collected`](Self::drop_collected).
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn collect(&self, record: &BundleRecord) -> Result<bool> {
        let marked = self.execute(COLLECT, vec![text(record.digest)]).await?;
        Ok(marked.rows_affected == 1)
    }

    /// Deletes the content of all collected bundles, and blobs that no bundle lists.
    ///
    /// # Errors
    /// When the database does not answer; the next collection deletes the rest.
    pub async fn drop_collected(&self) -> Result<()> {
        // An older host restores a collected bundle part by part and writes the record last, so the
        // content must stay while there are such hosts.
        if !self.lately_lacks_blobs().await? {
            self.drop_content().await?;
        }
        self.drop_unused_blobs().await
    }

    /// Deletes the content of collected bundles, except those that are restored meanwhile.
    async fn drop_content(&self) -> Result<()> {
        for key in self.scan_keys(COLLECTED_WITH_CONTENT, Vec::new()).await? {
            let digest: Digest = parse(&key)?;
            let mut transaction = self.begin().await?;
            let held = transaction.execute(HOLD_COLLECTED, vec![text(digest)]);
            if held.await?.rows_affected == 0 {
                transaction.rollback().await?;
                continue;
            }
            transaction.execute(DROP_PARTS, vec![text(digest)]).await?;
            blobs::unlist(&mut transaction, digest).await?;
            transaction.commit().await?;
        }
        Ok(())
    }

    /// Deletes old blobs that no bundle lists, and the parts of interrupted uploads.
    async fn drop_unused_blobs(&self) -> Result<()> {
        let recent = || Value::Integer(RECENT_BLOB_MS);
        for blob in self.scan_keys(UNUSED_BLOBS, vec![recent()]).await? {
            self.execute(DROP_BLOB, vec![text(blob), recent()]).await?;
        }
        for upload in self.scan_keys(UNUSED_UPLOADS, vec![recent()]).await? {
            self.execute(DROP_UPLOAD, vec![text(upload)]).await?;
        }
        Ok(())
    }
}

/// Returns the parameters of the page of all bundles that begins after `last`.
fn page_after(last: Option<&BundleRecord>) -> Vec<Value> {
    let (plugin, time, digest) = match last {
        // The empty text is before every name.
        None => (String::new(), i64::MAX, String::new()),
        Some(last) => (last.plugin.clone(), last.added_at, last.digest.to_string()),
    };
    vec![
        text(&plugin),
        text(&plugin),
        Value::Integer(time),
        Value::Integer(time),
        text(digest),
        page_limit(),
    ]
}

#[cfg(test)]
mod tests;
