//! Runs of migrations: written down before their first statement, kept up to
//! date by the node that runs them, and taken over by another when it ends.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bundle::Digest;
use serde::{Deserialize, Serialize};
use stores::sql::{MigrationProgress, Value};

use super::pages::{Cursor, Listed, Page};
use super::row::Row;
use super::{Control, Result, optional, text};

/// A run that nobody has reported on for this long has lost its node.
pub const STALE: Duration = Duration::from_secs(15);

/// Characters of a text that are kept.
const LONGEST_TEXT: usize = 2000;
const LONGEST_URL: usize = 500;

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

/// Of the last week, by the index.
const FAILED: &str = "SELECT COUNT(DISTINCT r.plugin) FROM edge_migration_run r \
    WHERE r.started_at > {now} - 604800000 AND r.state = 'failed' \
    AND NOT EXISTS (SELECT 1 FROM edge_migration_run l WHERE l.started_at > r.started_at \
    AND l.plugin = r.plugin AND l.database_url = r.database_url)";

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// It goes on.
    Running,
    /// All that was pending has run.
    Done,
    /// A statement failed; those before it stay done.
    Failed,
    /// A state of a newer host.
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
    /// Names it.
    pub id: String,
    /// The plugin.
    pub plugin: String,
    /// The version of the release whose migrations they are.
    pub version: String,
    /// The release.
    pub digest: Digest,
    /// The node that runs it, or ran it last.
    pub node: String,
    /// The region of that node.
    pub region: String,
    /// The database, without its password.
    pub database: String,
    /// Who wanted it.
    pub author: String,
    /// How far it is.
    pub state: RunState,
    /// The statement that runs, or ran last, from 1; 0 before the first.
    pub statement: u64,
    /// All statements of the migrations that were pending.
    pub statements: u64,
    /// What is done now: the beginning of a statement, or what it waits for.
    pub doing: String,
    /// Why it failed.
    pub reason: String,
    /// When it began, in milliseconds since 1970.
    pub started_at: i64,
    /// When its node last reported on it, or it ended, in milliseconds since
    /// 1970.
    pub changed_at: i64,
    /// How long ago its node last reported on it, in milliseconds.
    pub age_ms: i64,
    /// How long ago it began, in milliseconds.
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
    /// Whether it goes on, as far as the row says.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state == RunState::Running
    }

    /// Whether it goes on, and its node reports on it no more.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        let age = u128::try_from(self.age_ms).unwrap_or_default();
        self.is_open() && age > STALE.as_millis()
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

/// A run to begin.
#[derive(Debug, Clone)]
pub struct NewRun<'a> {
    /// The plugin and its database.
    pub target: &'a str,
    /// The plugin.
    pub plugin: &'a str,
    /// The version of the release.
    pub version: String,
    /// The release.
    pub digest: Digest,
    /// The node that runs it.
    pub node: &'a str,
    /// The region of that node.
    pub region: &'a str,
    /// The database, without its password.
    pub database: &'a str,
    /// Who wants it.
    pub author: &'a str,
    /// All statements of the migrations that are pending.
    pub statements: usize,
}

impl Control {
    /// Begins a run, and returns its id; `None` if another one of the same
    /// plugin in the same database goes on.
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
            text(cut(new.database, LONGEST_URL)),
            text(new.author),
            text(RunState::Running),
            integer(new.statements),
        ];
        Ok(self.try_execute(BEGIN, values).await?.map(|_| id))
    }

    /// Makes a run that goes on this node's own. The caller holds the lock of
    /// the migrations, so no other node is at it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn claim_run(&self, id: &str, node: &str, region: &str) -> Result<()> {
        let values = vec![text(node), text(region), text(id)];
        self.execute(CLAIM, values).await.map(|_| ())
    }

    /// Writes down how far the node is with its run.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn note_run(&self, id: &str, node: &str, progress: &MigrationProgress) -> Result<()> {
        let values = vec![
            integer(progress.statement),
            integer(progress.statements),
            text(cut(&progress.doing, LONGEST_TEXT)),
            text(id),
            text(node),
        ];
        self.execute(NOTE, values).await.map(|_| ())
    }

    /// Ends the node's run. Returns whether it went on until now.
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
            text(cut(reason, LONGEST_TEXT)),
            optional(None::<String>),
            text(id),
            text(node),
        ];
        Ok(self.execute(END, values).await?.rows_affected == 1)
    }

    /// Returns the run `id`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn run(&self, id: &str) -> Result<Option<MigrationRun>> {
        let rows = self.query(FIND, vec![text(id)]).await?;
        rows.into_iter().next().map(MigrationRun::read).transpose()
    }

    /// Returns the run that goes on for a plugin and its database.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open_run_of(&self, target: &str) -> Result<Option<MigrationRun>> {
        let rows = self.query(OPEN_OF, vec![text(target)]).await?;
        rows.into_iter().next().map(MigrationRun::read).transpose()
    }

    /// Returns the plugin and its database that a run is about; none once it
    /// has ended.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn target_of_run(&self, id: &str) -> Result<Option<String>> {
        let row = self.query(TARGET, vec![text(id)]).await?.into_iter().next();
        let target = row.map(|mut row| row.optional()).transpose()?;
        Ok(target.flatten())
    }

    /// Returns how many plugins there are whose last run in some database
    /// failed, within a week.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn failed_migrations(&self) -> Result<u64> {
        let row = self.query(FAILED, Vec::new()).await?.into_iter().next();
        let count = row.map(|mut row| row.integer()).transpose()?;
        Ok(u64::try_from(count.unwrap_or_default()).unwrap_or_default())
    }

    /// Returns the runs that go on, oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open_runs(&self) -> Result<Vec<MigrationRun>> {
        let rows = self.query(OPEN, Vec::new()).await?;
        rows.into_iter().map(MigrationRun::read).collect()
    }

    /// Returns a page of the runs of one plugin, or of all, newest first.
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
