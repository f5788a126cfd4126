//! The control database: what all nodes of the shop agree on.
//!
//! Which release serves where is one append-only log ([`log`]); an entry is
//! written by one statement under a unique key, so of two writers one wins and
//! the other is told. Bundles ([`bundles`], [`blobs`]) are kept beside it, so that
//! a node needs nothing but this database to come up. Rollouts ([`rollouts`]) say
//! where the log is being led and what they found in each region
//! ([`rollout_regions`]), runs of migrations ([`migrations`]) how far they
//! are, nodes ([`nodes`]) how far they followed the log, and the audit
//! ([`audit`]) who asked for what.
//!
//! It is SQLite for a node alone and MySQL for nodes that share it. Times are
//! milliseconds since 1970 by the database's clock: those of the nodes differ.

pub mod audit;
mod blobs;
pub mod bundles;
pub mod check_failures;
mod clock;
mod forget;
pub mod gc;
mod heads;
mod joins;
pub mod leader;
pub mod log;
pub mod migrations;
pub mod nodes;
pub(super) mod notifier;
mod older;
pub mod pages;
pub mod plans;
mod previous;
pub mod regions;
pub mod rollout_regions;
pub mod rollouts;
mod row;
mod secrets;
mod tables;
mod transaction;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use bundle::Digest;
use row::Row;
use stores::clock::SharedClock;
use stores::sql::{
    Connections, DatabaseAccess, Databases, Dialect, Error, OpenError, Outcome, Rows, Value,
};

/// How long one statement may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long nodes are listed after their last report, unless it is said
/// otherwise.
const FORGET_NODES_AFTER: Duration = Duration::from_hours(1);

/// The control database of a shop.
pub struct Control {
    database: Arc<DatabaseAccess>,
    clock: Arc<SharedClock>,
    statements: AtomicU64,
    forget_nodes_after: Duration,
}

/// The control database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// It cannot be opened.
    #[error("the control database: {0}")]
    Open(#[from] OpenError),
    /// A statement failed.
    #[error("the control database: {0}")]
    Statement(Trouble),
    /// A bundle is not there, or not as it was put there.
    #[error("the bundle {digest} {why}")]
    Bundle {
        /// The bundle.
        digest: Digest,
        /// What is wrong with it.
        why: String,
    },
    /// A row is not what this version writes.
    #[error("the control database: {0}")]
    Unreadable(String),
}

impl ControlError {
    /// Whether the control database did not answer, and may do so later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Open(error) => error.is_transient(),
            Self::Statement(Trouble(error)) => {
                matches!(error, Error::Timeout | Error::Unavailable(_))
            }
            Self::Bundle { .. } | Self::Unreadable(_) => false,
        }
    }
}

/// A statement's error, in words.
#[derive(Debug)]
pub struct Trouble(Error);

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Error::Timeout => f.write_str("it takes too long to answer"),
            Error::Denied(text)
            | Error::Invalid(text)
            | Error::Conflict(text)
            | Error::TooLarge(text)
            | Error::Unavailable(text) => f.write_str(text),
        }
    }
}

type Result<T> = std::result::Result<T, ControlError>;

impl Control {
    /// Open the control database at `url`, make its tables, and compare its
    /// clock, of which `clock` takes note.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn open(databases: &Databases, url: &str, clock: Arc<SharedClock>) -> Result<Self> {
        let database = databases.open_own(url, &tables::names()).await?;
        let database = Arc::new(database.called("the control database"));
        let control = Self {
            database,
            clock,
            statements: AtomicU64::new(0),
            forget_nodes_after: FORGET_NODES_AFTER,
        };
        control.create_tables().await?;
        control.measure_clock().await?;
        control.reconcile_heads().await?;
        Ok(control)
    }

    /// Makes the tables and indexes that are not there.
    async fn create_tables(&self) -> Result<()> {
        for (name, table) in tables::TABLES {
            let created = self.database.create(name, table).await;
            created.map_err(|error| ControlError::Statement(Trouble(error)))?;
        }
        for (name, table, columns) in tables::INDEXES {
            // Without it, answers come later; a user may make tables and no index.
            if let Err(error) = self.database.create_index(name, table, columns).await {
                let error = Trouble(error);
                tracing::warn!("the control database has no index {name} on {table}: {error}");
            }
        }
        Ok(())
    }

    /// Returns the control database with nodes listed for as long as `age` after
    /// their last report.
    #[must_use]
    pub fn forgetting_nodes_after(self, age: Duration) -> Self {
        Self {
            forget_nodes_after: age,
            ..self
        }
    }

    /// Where it is, without its password.
    #[must_use]
    pub fn url(&self) -> &str {
        self.database.url()
    }

    /// Whether other nodes may use it too.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.database.dialect() == Dialect::Mysql
    }

    /// Returns what it is, and its connections.
    #[must_use]
    pub fn connections(&self) -> (&'static str, Connections) {
        (self.database.system(), self.database.connections())
    }

    /// Returns in words that its file refuses changes, while it does; nothing of
    /// a server.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        self.database.refusal()
    }

    /// Returns how its server is called, and how many connections that takes
    /// from all of its clients; nothing of a file.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn server_limit(&self) -> Result<Option<(String, u64)>> {
        let limit = self.database.server_limit().await;
        limit.map_err(|error| ControlError::Statement(Trouble(error)))
    }

    /// How many statements this node has sent it.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.statements.load(Relaxed)
    }

    /// Stop using it.
    pub async fn close(&self) {
        self.database.close().await;
    }

    fn count_statement(&self) {
        self.statements.fetch_add(1, Relaxed);
    }

    async fn query(&self, text: &str, parameters: Vec<Value>) -> Result<Vec<Row>> {
        self.count_statement();
        let deadline = Instant::now() + PATIENCE;
        let found = self
            .database
            .query(&self.database.with_clock(text), parameters, deadline)
            .await;
        let rows: Rows = found.map_err(|error| ControlError::Statement(Trouble(error)))?;
        Ok(rows.rows.into_iter().map(Row::new).collect())
    }

    async fn execute(&self, text: &str, parameters: Vec<Value>) -> Result<Outcome> {
        self.try_execute(text, parameters)
            .await?
            .ok_or_else(|| ControlError::Unreadable("a row is there twice".to_owned()))
    }

    /// `None` when a unique key refuses the change: somebody was faster.
    async fn try_execute(&self, text: &str, parameters: Vec<Value>) -> Result<Option<Outcome>> {
        self.count_statement();
        let deadline = Instant::now() + PATIENCE;
        let changed = self
            .database
            .execute(&self.database.with_clock(text), parameters, deadline)
            .await;
        match changed {
            Ok(outcome) => Ok(Some(outcome)),
            Err(Error::Conflict(_)) => Ok(None),
            Err(error) => Err(ControlError::Statement(Trouble(error))),
        }
    }
}

fn text(value: impl ToString) -> Value {
    Value::Text(value.to_string())
}

fn optional(value: Option<impl ToString>) -> Value {
    value.map_or(Value::Null, text)
}
