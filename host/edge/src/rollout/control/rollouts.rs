//! Rollouts: where operators want to lead the release log.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bundle::Digest;
use serde::{Deserialize, Serialize};
use stores::sql::Value;

use super::pages::{Cursor, Listed, Page};
use super::plans::Plan;
use super::rollout_regions::{AT_START, MaxUnavailable, NewRolloutRegion, live_nodes};
use super::row::Row;
use super::{Control, Result, optional, text};

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

/// How far a rollout is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It goes from region to region.
    Running,
    /// The canary serves everywhere it should; somebody has to decide.
    Canary,
    /// The canary becomes the active release, region by region.
    Promoting,
    /// An operator ended it, and what was changed is changed back.
    Aborting,
    /// The canary does worse, and is withdrawn.
    Failing,
    /// It serves where it should.
    Done,
    /// Something went wrong, and was changed back where it did.
    Failed,
    /// An operator ended it.
    Aborted,
    /// A phase of a newer host, which leads the rollout on: this one leaves it
    /// alone.
    #[serde(other)]
    Other,
}

impl Phase {
    /// Whether nothing more will come of it.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Aborted)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Canary => "canary",
            Self::Promoting => "promoting",
            Self::Aborting => "aborting",
            Self::Failing => "failing",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Phase {
    type Err = Infallible;

    fn from_str(text: &str) -> std::result::Result<Self, Infallible> {
        let all = [
            Self::Running,
            Self::Canary,
            Self::Promoting,
            Self::Aborting,
            Self::Failing,
            Self::Done,
            Self::Failed,
            Self::Aborted,
        ];
        let found = all.into_iter().find(|phase| phase.name() == text);
        Ok(found.unwrap_or(Self::Other))
    }
}

/// A release on its way to regions.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rollout {
    /// Names it.
    pub id: String,
    /// The plugin.
    pub plugin: String,
    /// The release; none to remove the plugin.
    pub digest: Option<Digest>,
    /// The regions, in order.
    pub regions: Vec<String>,
    /// Of a hundred clients, so many get it before it is promoted; 0 to have
    /// no trial.
    pub canary_percent: u8,
    /// How long a region is watched before the next one is begun, in
    /// milliseconds.
    pub pause_ms: u64,
    /// How far it is.
    pub phase: Phase,
    /// Why it ended as it did.
    pub reason: String,
    /// Who wanted it.
    pub author: String,
    /// When it began.
    pub started_at: i64,
    /// When its phase last changed.
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
    /// How long a region is watched before the next one is begun.
    #[must_use]
    pub fn pause(&self) -> Duration {
        Duration::from_millis(self.pause_ms)
    }

    /// Whether some clients meet the release before all do.
    #[must_use]
    pub fn is_trial(&self) -> bool {
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

/// A rollout to begin.
#[derive(Debug, Clone)]
pub struct NewRollout {
    /// The plugin.
    pub plugin: String,
    /// The release; none to remove the plugin.
    pub digest: Option<Digest>,
    /// The regions, in order.
    pub regions: Vec<String>,
    /// As of [`Rollout`].
    pub canary_percent: u8,
    /// As of [`Rollout`].
    pub pause: Duration,
    /// How many nodes of each region may be dead or silent.
    pub max_unavailable: MaxUnavailable,
    /// How it goes on by itself.
    pub plan: Plan,
    /// Who wants it.
    pub author: String,
}

/// Returns an id that no rollout has.
#[must_use]
pub fn new_rollout_id() -> String {
    format!("{:016x}", rand::random::<u64>())
}

impl Control {
    /// Begin a rollout, and return its id; `None` if another of the same
    /// plugin goes on.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin_rollout(&self, new: &NewRollout) -> Result<Option<String>> {
        let id = new_rollout_id();
        Ok(self.begin_rollout_as(&id, new).await?.then_some(id))
    }

    /// Begins a rollout under an id that [`new_rollout_id`] made. Returns
    /// whether it was begun; not so if another of the same plugin goes on.
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
        // Whoever leads the rollout on finds them there.
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

    /// Lead a rollout on from one phase to another. Returns whether it was in
    /// that phase; if not, somebody else was faster.
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

    /// The rollouts that go on. One that this version cannot read is logged, and
    /// in no other's way.
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

    /// The rollout of `plugin` that goes on.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open_rollout_of(&self, plugin: &str) -> Result<Option<Rollout>> {
        let rows = self.query(OPEN_OF, vec![text(plugin)]).await?;
        rows.into_iter().next().map(Rollout::read).transpose()
    }

    /// The rollout `id`.
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
