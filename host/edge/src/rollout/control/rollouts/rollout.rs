//! Rollouts in the control database: changes that are led through regions.

use std::time::Duration;

use bundle::Digest;
use serde::{Deserialize, Serialize};
use stores::sql::Value;

use super::phase::Phase;
use super::plan::Plan;
use super::regions::{AT_START, MaxUnavailable, NewRolloutRegion, live_nodes};
use crate::rollout::control::pages::{Cursor, Listed, Page};
use crate::rollout::control::row::Row;
use crate::rollout::control::{Control, Result, optional, text};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, plugin, digest, regions, canary_percent, pause_ms, phase, reason, \
             author, started_at, changed_at FROM edge_rollout ",
            $rest
        )
    };
}
const OPEN: &str = select!("WHERE open_plugin IS NOT NULL ORDER BY started_at");
const OPEN_OF: &str = select!("WHERE open_plugin = ?");
const FIND: &str = select!("WHERE id = ?");
const OF_PLUGIN: &str = select!(
    "WHERE plugin = ? AND started_at <= ? AND (started_at < ? OR id < ?) \
     ORDER BY started_at DESC, id DESC LIMIT ?"
);
const BEGIN: &str = "INSERT INTO edge_rollout \
    (id, plugin, open_plugin, digest, regions, canary_percent, pause_ms, phase, reason, author, \
     started_at, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, '', ?, {now}, {now})";
const MOVE: &str = "UPDATE edge_rollout \
    SET phase = ?, reason = ?, open_plugin = ?, changed_at = {now} WHERE id = ? AND phase = ?";

/// A rollout: one change that is led through regions.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rollout {
    /// ID of the rollout.
    pub id: String,
    /// Name of the plugin.
    pub plugin: String,
    /// Digest of the release; `None` to remove the plugin.
    pub digest: Option<Digest>,
    /// Regions in the order in which the rollout goes through them.
    pub regions: Vec<String>,
    /// Percentage of the clients that the canary serves before it is promoted; 0 for a rollout
    /// without a canary.
    pub canary_percent: u8,
    /// Time for which a region must stay healthy before the next one begins, in milliseconds.
    pub pause_ms: u64,
    /// Current phase.
    pub phase: Phase,
    /// Reason of the current phase, such as why the rollout failed; may be empty.
    pub reason: String,
    /// Operator or node that asked for the rollout.
    pub author: String,
    /// Time when the rollout began, in milliseconds since 1970.
    pub started_at: i64,
    /// Time when the phase last changed, in milliseconds since 1970.
    pub changed_at: i64,
}

impl Listed for Rollout {
    fn cursor(&self) -> Cursor {
        Cursor {
            time: self.started_at,
            id: self.id.clone(),
        }
    }
}

impl Rollout {
    /// Returns the time for which a region must stay healthy before the next one begins.
    #[must_use]
    pub fn pause(&self) -> Duration {
        Duration::from_millis(self.pause_ms)
    }

    /// Returns whether the rollout has a canary: some clients get the release before all do.
    #[must_use]
    pub fn has_canary(&self) -> bool {
        self.canary_percent > 0 && self.digest.is_some()
    }

    fn read(mut row: Row) -> Result<Self> {
        Ok(Self {
            id: row.text()?,
            plugin: row.text()?,
            digest: row.optional()?,
            regions: row.json()?,
            canary_percent: u8::try_from(row.integer()?).unwrap_or(100),
            pause_ms: u64::try_from(row.integer()?).unwrap_or_default(),
            phase: row.parsed()?,
            reason: row.text()?,
            author: row.text()?,
            started_at: row.integer()?,
            changed_at: row.integer()?,
        })
    }
}

/// Parameters of a new rollout.
#[derive(Debug, Clone)]
pub struct NewRollout {
    /// Name of the plugin.
    pub plugin: String,
    /// Digest of the release; `None` to remove the plugin.
    pub digest: Option<Digest>,
    /// Regions in the order in which the rollout goes through them.
    pub regions: Vec<String>,
    /// Percentage of the clients that the canary serves; see [`Rollout::canary_percent`].
    pub canary_percent: u8,
    /// Time for which a region must stay healthy before the next one begins.
    pub pause: Duration,
    /// Number of nodes of each region that may be dead or silent.
    pub max_unavailable: MaxUnavailable,
    /// Automatic steps of the canary and its external check.
    pub plan: Plan,
    /// Operator or node that asks for the rollout.
    pub author: String,
}

/// Returns a new random rollout ID: 64 bits as 16 hexadecimal digits.
#[must_use]
pub fn new_rollout_id() -> String {
    format!("{:016x}", rand::random::<u64>())
}

impl Control {
    /// Begins a rollout and returns its ID; `None` if another rollout of the same plugin is in
    /// progress.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin_rollout(&self, new: &NewRollout) -> Result<Option<String>> {
        let id = new_rollout_id();
        Ok(self.begin_rollout_as(&id, new).await?.then_some(id))
    }

    /// Begins a rollout under an ID that [`new_rollout_id`] made. Returns whether it was begun;
    /// `false` if another rollout of the same plugin is in progress.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin_rollout_as(&self, id: &str, new: &NewRollout) -> Result<bool> {
        let pause = i64::try_from(new.pause.as_millis()).unwrap_or(i64::MAX);
        let values = vec![
            text(id),
            text(&new.plugin),
            text(&new.plugin),
            optional(new.digest),
            text(serde_json::json!(new.regions)),
            Value::Integer(new.canary_percent.into()),
            Value::Integer(pause),
            text(Phase::Running),
            text(&new.author),
        ];
        // Written first, so that a rollout controller that sees the rollout finds its regions and
        // plan.
        self.add_regions_at_start(id, new).await?;
        self.add_plan(id, &new.plan).await?;
        if self.try_execute(BEGIN, values).await?.is_none() {
            self.drop_rollout_regions(id).await?;
            self.drop_plan(id).await?;
            return Ok(false);
        }
        Ok(true)
    }

    async fn add_regions_at_start(&self, id: &str, new: &NewRollout) -> Result<()> {
        let nodes = self.nodes().await?;
        for region in &new.regions {
            self.add_rollout_region(NewRolloutRegion {
                rollout: id,
                region,
                revision: AT_START,
                nodes: &live_nodes(&nodes, region),
                max_unavailable: new.max_unavailable,
            })
            .await?;
        }
        Ok(())
    }

    /// Moves a rollout from the phase in which it was read to the phase `to`. Returns whether it
    /// was still in that phase; if not, another writer was first and nothing is changed.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn move_rollout(&self, rollout: &Rollout, to: Phase, reason: &str) -> Result<bool> {
        let open = (!to.is_final()).then_some(&rollout.plugin);
        let values = vec![
            text(to),
            text(reason),
            optional(open),
            text(&rollout.id),
            text(rollout.phase),
        ];
        Ok(self.execute(MOVE, values).await?.rows_affected == 1)
    }

    /// Returns the rollouts in progress, oldest first. A rollout that this version cannot read is
    /// logged and skipped.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open_rollouts(&self) -> Result<Vec<Rollout>> {
        let rows = self.query(OPEN, Vec::new()).await?;
        let readable = rows.into_iter().filter_map(|row| {
            let rollout = Rollout::read(row);
            rollout
                .inspect_err(|error| tracing::warn!("a rollout cannot be read: {error}"))
                .ok()
        });
        Ok(readable.collect())
    }

    /// Returns the rollout of `plugin` that is in progress, if there is one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open_rollout_of(&self, plugin: &str) -> Result<Option<Rollout>> {
        let rows = self.query(OPEN_OF, vec![text(plugin)]).await?;
        rows.into_iter().next().map(Rollout::read).transpose()
    }

    /// Returns the rollout `id`, if it exists.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn rollout(&self, id: &str) -> Result<Option<Rollout>> {
        let rows = self.query(FIND, vec![text(id)]).await?;
        rows.into_iter().next().map(Rollout::read).transpose()
    }

    /// Returns a page of the rollouts of `plugin`, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn rollouts_of(&self, plugin: &str, page: &Page) -> Result<Vec<Rollout>> {
        let values = [text(plugin)].into_iter().chain(page.values());
        let rows = self.query(OF_PLUGIN, values.collect()).await?;
        rows.into_iter().map(Rollout::read).collect()
    }
}
