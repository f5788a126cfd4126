//! Collecting bundles that nobody needs any more. Their records stay, so the
//! log can name them, and adding one again brings it back.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::bundles::BundleRecord;
use super::log::Wanted;
use super::{Control, Result, text};
use crate::rollout::bundle::Digest;

/// What the record of a bundle without parts says of their number. Older hosts
/// take such a bundle for one that was changed.
pub(super) const COLLECTED: i64 = -1;

/// Bundles that were added since then are kept: their rollout may begin yet.
const RECENT_MS: i64 = 3_600_000;

const ALL: &str = "SELECT digest, plugin, version, parts, signature, author, added_at, \
    {now} - added_at FROM edge_bundle ORDER BY plugin, added_at DESC, digest";
/// How many of the last entries of a region and a plugin a rollout may go back
/// to.
const LATE_ENTRIES: u32 = 5;

const OPEN_ROLLOUTS: &str = "SELECT digest, NULL FROM edge_rollout WHERE open_plugin IS NOT NULL";
const OPEN_RUNS: &str = "SELECT digest, NULL FROM edge_migration_run WHERE open_target IS NOT NULL";
/// One statement, so that a rollout that begins meanwhile is either seen here
/// or sees what was done.
const COLLECT: &str = "UPDATE edge_bundle SET parts = -1 WHERE digest = ? AND parts >= 0 \
    AND NOT EXISTS (SELECT 1 FROM edge_rollout r \
    WHERE r.digest = edge_bundle.digest AND r.open_plugin IS NOT NULL)";
const DROP_PARTS: &str = "DELETE FROM edge_bundle_part \
    WHERE digest IN (SELECT digest FROM edge_bundle WHERE parts < 0)";
const REGIONS: &str = "SELECT DISTINCT region, plugin FROM edge_release_log";

/// What a collection found.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Collection {
    /// Bundles that were collected, or would be.
    pub collected: Vec<BundleRecord>,
    /// Bundles that are kept.
    pub kept: usize,
}

impl Control {
    /// Returns the bundles that are not among the `keep` newest of their plugin,
    /// that no region runs or could go back to, and that no node reports.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn garbage(&self, keep: usize) -> Result<Collection> {
        let needed = self.needed().await?;
        let mut found = Collection::default();
        let (mut plugin, mut newer) = (String::new(), 0);
        for mut row in self.query(ALL, Vec::new()).await? {
            let record = BundleRecord::read_columns(&mut row)?;
            let age = row.integer()?;
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

    /// Releases that serve, are on their way, or may have to come back.
    async fn needed(&self) -> Result<BTreeSet<Digest>> {
        let mut needed = BTreeSet::new();
        for text in [OPEN_ROLLOUTS, OPEN_RUNS] {
            for mut row in self.query(text, Vec::new()).await? {
                needed.extend(row.optional::<Digest>()?);
                needed.extend(row.optional::<Digest>()?);
            }
        }
        for mut row in self.query(REGIONS, Vec::new()).await? {
            let (region, plugin) = (row.text()?, row.text()?);
            let late = self.latest_entries(&region, &plugin, LATE_ENTRIES).await?;
            let now = late.first().and_then(|entry| entry.wanted.active);
            for Wanted { active, canary } in late.into_iter().map(|entry| entry.wanted) {
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

    /// Collects a bundle. Returns whether it did: not so if a rollout of it has
    /// begun meanwhile. Its parts are there until
    /// [`drop_collected_parts`](Self::drop_collected_parts).
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn collect(&self, record: &BundleRecord) -> Result<bool> {
        let marked = self.execute(COLLECT, vec![text(record.digest)]).await?;
        Ok(marked.rows_affected == 1)
    }

    /// Drops the parts of all bundles that were collected.
    ///
    /// # Errors
    /// When the database does not answer; the next collection drops them then.
    pub async fn drop_collected_parts(&self) -> Result<()> {
        self.execute(DROP_PARTS, Vec::new()).await.map(|_| ())
    }
}
