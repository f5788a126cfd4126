//! Runs of migrations in the control database: recorded before their first statement, updated by
//! the node that runs them, and taken over by another node when that one ends.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bundle::Digest;
use serde::{Deserialize, Serialize};
use stores::sql::{MigrationProgress, Value};

use super::pages::{Cursor, Listed, Page};
use super::row::Row;
use super::{Control, Result, optional, text};

/// Age of the last progress report beyond which the node of a run counts as lost.
pub const STALE_AFTER: Duration = Duration::from_secs(15);

/// Maximum length of a stored text, in characters; longer ones are truncated.
const MAX_TEXT_CHARS: usize = 2000;
/// Maximum length of a stored URL, in characters; longer ones are truncated.
const MAX_URL_CHARS: usize = 500;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, plugin, version, digest, node, region, database_url, author, state, \
             statement, statements, doing, reason, started_at, changed_at, {now} - changed_at, \
             {now} - started_at FROM edge_migration_run ",
            $rest
        )
    };
}
const FIND: &str = select!("WHERE id = ?");
const OPEN_OF: &str = select!("WHERE open_target = ?");
const OPEN: &str = select!("WHERE open_target IS NOT NULL ORDER BY started_at");
const TARGET: &str = "SELECT open_target FROM edge_migration_run WHERE id = ?";
const ALL: &str = select!(
    "WHERE started_at <= ? AND (started_at < ? OR id < ?) ORDER BY started_at DESC, id DESC LIMIT ?"
);
const OF_PLUGIN: &str = select!(
    "WHERE plugin = ? AND started_at <= ? AND (started_at < ? OR id < ?) \
     ORDER BY started_at DESC, id DESC LIMIT ?"
);
const BEGIN: &str = "INSERT INTO edge_migration_run \
    (id, open_target, plugin, version, digest, node, region, database_url, author, state, \
     statement, statements, doing, reason, started_at, changed_at) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, '', '', {now}, {now})";
const CLAIM: &str = "UPDATE edge_migration_run \
    SET node = ?, region = ?, changed_at = {now} WHERE id = ? AND open_target IS NOT NULL";
const NOTE: &str = "UPDATE edge_migration_run \
    SET statement = ?, statements = ?, doing = ?, changed_at = {now} \
    WHERE id = ? AND node = ? AND open_target IS NOT NULL";
const END: &str = "UPDATE edge_migration_run \
    SET state = ?, reason = ?, open_target = ?, changed_at = {now} \
    WHERE id = ? AND node = ? AND open_target IS NOT NULL";

/// Counts the plugins with a failed run that no later run in the same database followed. Only runs
/// of the last seven days count, which the index by time finds.
const FAILED: &str = "SELECT COUNT(DISTINCT r.plugin) FROM edge_migration_run r \
    WHERE r.started_at > {now} - 604800000 AND r.state = 'failed' \
    AND NOT EXISTS (SELECT 1 FROM edge_migration_run l WHERE l.started_at > r.started_at \
    AND l.plugin = r.plugin AND l.database_url = r.database_url)";

/// State of a run of migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// The run is in progress.
    Running,
    /// All pending migrations have been applied.
    Done,
    /// A statement failed; the statements before it stay applied.
    Failed,
    /// A state of a newer host version, which this version does not know.
    #[serde(other)]
    Unknown,
}

impl RunState {
    fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for RunState {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        let known = [Self::Running, Self::Done, Self::Failed];
        let found = known.into_iter().find(|state| state.name() == text);
        Ok(found.unwrap_or(Self::Unknown))
    }
}

/// A run of one release's migrations in one database.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MigrationRun {
    /// ID of the run.
    pub id: String,
    /// Name of the plugin.
    pub plugin: String,
    /// Version of the release whose migrations are run.
    pub version: String,
    /// Digest of the release.
    pub digest: Digest,
    /// Name of the node that runs the migrations, or ran them last.
    pub node: String,
    /// Region of the node that runs the migrations, or ran them last.
    pub region: String,
    /// URL of the database, without its password.
    pub database: String,
    /// Operator or node that asked for the run.
    pub author: String,
    /// Current state.
    pub state: RunState,
    /// Number of the statement that runs or ran last, counted from 1; 0 before the first.
    pub statement: u64,
    /// Number of all statements of the migrations that were pending.
    pub statements: u64,
    /// Current activity: the beginning of a statement, or what the run waits for.
    pub doing: String,
    /// Reason of a failure; empty unless the run failed.
    pub reason: String,
    /// Time when the run began, in milliseconds since 1970.
    pub started_at: i64,
    /// Time when the node last reported progress, or when the run ended, in milliseconds since
    /// 1970.
    pub changed_at: i64,
    /// Time since the node last reported progress, when the record was read, in milliseconds.
    pub age_ms: i64,
    /// Time since the run began, when the record was read, in milliseconds.
    pub since_ms: i64,
}

impl Listed for MigrationRun {
    fn cursor(&self) -> Cursor {
        Cursor {
            time: self.started_at,
            id: self.id.clone(),
        }
    }
}

impl MigrationRun {
    /// Returns whether the run is in progress, according to its record.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state == RunState::Running
    }

    /// Returns whether the run is in progress and its node has not reported for longer than
    /// [`STALE_AFTER`].
    #[must_use]
    pub fn is_stale(&self) -> bool {
        let age = u128::try_from(self.age_ms).unwrap_or_default();
        self.is_open() && age > STALE_AFTER.as_millis()
    }

    fn read(mut row: Row) -> Result<Self> {
        let count = |number: i64| u64::try_from(number).unwrap_or_default();
        Ok(Self {
            id: row.text()?,
            plugin: row.text()?,
            version: row.text()?,
            digest: row.parsed()?,
            node: row.text()?,
            region: row.text()?,
            database: row.text()?,
            author: row.text()?,
            state: row.parsed()?,
            statement: count(row.integer()?),
            statements: count(row.integer()?),
            doing: row.text()?,
            reason: row.text()?,
            started_at: row.integer()?,
            changed_at: row.integer()?,
            age_ms: row.integer()?.max(0),
            since_ms: row.integer()?.max(0),
        })
    }
}

/// Parameters of a new run of migrations.
#[derive(Debug, Clone)]
pub struct NewRun<'a> {
    /// Key of the plugin and its database, of which only one run can be in progress.
    pub target: &'a str,
    /// Name of the plugin.
    pub plugin: &'a str,
    /// Version of the release.
    pub version: String,
    /// Digest of the release.
    pub digest: Digest,
    /// Name of the node that runs the migrations.
    pub node: &'a str,
    /// Region of the node that runs the migrations.
    pub region: &'a str,
    /// URL of the database, without its password.
    pub database: &'a str,
    /// Operator or node that asks for the run.
    pub author: &'a str,
    /// Number of all statements of the migrations that are pending.
    pub statements: usize,
}

impl Control {
    /// Begins a run and returns its ID; `None` if another run of the same plugin in the same
    /// database is in progress.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin_run(&self, new: &NewRun<'_>) -> Result<Option<String>> {
        let id = format!("{:016x}", rand::random::<u64>());
        let values = vec![
            text(&id),
            text(new.target),
            text(new.plugin),
            text(&new.version),
            text(new.digest),
            text(new.node),
            text(new.region),
            text(cut(new.database, MAX_URL_CHARS)),
            text(new.author),
            text(RunState::Running),
            integer(new.statements),
        ];
        Ok(self.try_execute(BEGIN, values).await?.map(|_| id))
    }

    /// Takes over a run that is in progress. The caller holds the lock of the migrations, so no
    /// other node executes them.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn claim_run(&self, id: &str, node: &str, region: &str) -> Result<()> {
        let values = vec![text(node), text(region), text(id)];
        self.execute(CLAIM, values).await.map(|_| ())
    }

    /// Stores the progress of a node's run.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn note_run(&self, id: &str, node: &str, progress: &MigrationProgress) -> Result<()> {
        let values = vec![
            integer(progress.statement),
            integer(progress.statements),
            text(cut(&progress.doing, MAX_TEXT_CHARS)),
            text(id),
            text(node),
        ];
        self.execute(NOTE, values).await.map(|_| ())
    }

    /// Ends a node's run. Returns whether it was in progress until now.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn end_run(
        &self,
        id: &str,
        node: &str,
        state: RunState,
        reason: &str,
    ) -> Result<bool> {
        let values = vec![
            text(state),
            text(cut(reason, MAX_TEXT_CHARS)),
            optional(None::<String>),
            text(id),
            text(node),
        ];
        Ok(self.execute(END, values).await?.rows_affected == 1)
    }

    /// Returns the run `id`, if it exists.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn run(&self, id: &str) -> Result<Option<MigrationRun>> {
        let rows = self.query(FIND, vec![text(id)]).await?;
        rows.into_iter().next().map(MigrationRun::read).transpose()
    }

    /// Returns the run in progress for a plugin and its database, if there is one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open_run_of(&self, target: &str) -> Result<Option<MigrationRun>> {
        let rows = self.query(OPEN_OF, vec![text(target)]).await?;
        rows.into_iter().next().map(MigrationRun::read).transpose()
    }

    /// Returns the key of a run's plugin and database; `None` once the run has ended.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn target_of_run(&self, id: &str) -> Result<Option<String>> {
        let row = self.query(TARGET, vec![text(id)]).await?.into_iter().next();
        let target = row.map(|mut row| row.optional()).transpose()?;
        Ok(target.flatten())
    }

    /// Returns how many plugins have a database in which their last run failed, within the last
    /// week.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn failed_migrations(&self) -> Result<u64> {
        let row = self.query(FAILED, Vec::new()).await?.into_iter().next();
        let count = row.map(|mut row| row.integer()).transpose()?;
        Ok(u64::try_from(count.unwrap_or_default()).unwrap_or_default())
    }

    /// Returns the runs in progress, oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open_runs(&self) -> Result<Vec<MigrationRun>> {
        let rows = self.query(OPEN, Vec::new()).await?;
        rows.into_iter().map(MigrationRun::read).collect()
    }

    /// Returns a page of the runs of one plugin, or of all plugins, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn runs(&self, plugin: Option<&str>, page: &Page) -> Result<Vec<MigrationRun>> {
        let statement = match plugin {
            Some(_) => OF_PLUGIN,
            None => ALL,
        };
        let values = plugin.map(text).into_iter().chain(page.values());
        let rows = self.query(statement, values.collect()).await?;
        rows.into_iter().map(MigrationRun::read).collect()
    }
}

fn integer(number: usize) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn cut(text: &str, longest: usize) -> String {
    text.chars().take(longest).collect()
}
