//! The control database, which holds the state that all nodes share.
//!
//! The release log ([`log`]) is append-only and says which release serves in which region. An entry
//! is written by one statement under a unique key, so of two concurrent writers one succeeds and
//! the other gets a conflict. Bundles ([`bundles`]) are stored in the same database, so that a node
//! needs nothing else to start. Rollouts ([`rollouts`]) hold the changes that are being led through
//! regions, runs of migrations ([`migrations`]) their progress, nodes ([`nodes`]) how far each has
//! followed the log, and the audit log ([`audit`]) who asked for what.
//!
//! The database is SQLite for a single node and MySQL for nodes that share it. Times are
//! milliseconds since 1970 by the database's clock, since the clocks of nodes differ.

pub mod audit;
pub mod bundles;
mod clock;
pub mod leader;
pub mod log;
pub mod migrations;
pub mod nodes;
pub(super) mod notifier;
pub mod pages;
pub mod regions;
pub mod rollouts;
mod row;
mod scan;
mod tables;
#[cfg(test)]
mod testing;
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

/// Time limit for one statement.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);

/// Default time for which nodes stay listed after their last report.
const FORGET_NODES_AFTER: Duration = Duration::from_hours(1);

/// A connection to the control database of a shop.
pub struct Control {
    database: Arc<DatabaseAccess>,
    clock: Arc<SharedClock>,
    statements: AtomicU64,
    forget_nodes_after: Duration,
}

/// An error of the control database.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The database cannot be opened.
    #[error("the control database: {0}")]
    Open(#[from] OpenError),
    /// A statement failed.
    #[error("the control database: {0}")]
    Statement(Trouble),
    /// A bundle is missing, incomplete or does not match its digest.
    #[error("the bundle {digest} {why}")]
    Bundle {
        /// Digest of the bundle.
        digest: Digest,
        /// Description of the defect, to be read after the digest.
        why: String,
    },
    /// A row or a parameter does not have the expected format, such as a row of another host
    /// version.
    #[error("the control database: {0}")]
    Unreadable(String),
}

impl ControlError {
    /// Returns whether the database did not answer, so that a retry may succeed.
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

/// The error of a statement, formatted for people.
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
    /// Opens the control database at `url`, creates missing tables and indexes, measures the
    /// database's clock into `clock`, and brings the heads up to the release log.
    ///
    /// # Errors
    /// When the database does not answer.
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

    /// Creates the tables and indexes that do not exist.
    async fn create_tables(&self) -> Result<()> {
        for (name, table) in tables::TABLES {
            let created = self.database.create(name, table).await;
            created.map_err(|error| ControlError::Statement(Trouble(error)))?;
        }
        for (name, table, columns) in tables::INDEXES {
            // Queries are only slower without an index. A database user may be allowed to create
            // tables but no indexes.
            if let Err(error) = self.database.create_index(name, table, columns).await {
                let error = Trouble(error);
                tracing::warn!("the control database has no index {name} on {table}: {error}");
            }
        }
        Ok(())
    }

    /// Returns the control database with `age` as the time for which nodes stay listed after their
    /// last report.
    #[must_use]
    pub fn forgetting_nodes_after(self, age: Duration) -> Self {
        Self {
            forget_nodes_after: age,
            ..self
        }
    }

    /// Returns the URL of the control database, without its password.
    #[must_use]
    pub fn url(&self) -> &str {
        self.database.url()
    }

    /// Returns whether other nodes can share the database, which is so for MySQL.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.database.dialect() == Dialect::Mysql
    }

    /// Returns the database system, as OpenTelemetry names it, and the state of its connection
    /// pool.
    #[must_use]
    pub fn connections(&self) -> (&'static str, Connections) {
        (self.database.system(), self.database.connections())
    }

    /// Returns a description of why the SQLite file refuses writes, while it does; `None` for a
    /// MySQL server.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        self.database.refusal()
    }

    /// Returns the name of the MySQL server and how many connections it accepts from all of its
    /// clients; `None` for SQLite.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn server_limit(&self) -> Result<Option<(String, u64)>> {
        let limit = self.database.server_limit().await;
        limit.map_err(|error| ControlError::Statement(Trouble(error)))
    }

    /// Returns how many statements this node has sent to the control database.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.statements.load(Relaxed)
    }

    /// Closes the connections.
    pub async fn close(&self) {
        self.database.close().await;
    }

    fn count_statement(&self) {
        self.statements.fetch_add(1, Relaxed);
    }

    async fn query(&self, text: &str, parameters: Vec<Value>) -> Result<Vec<Row>> {
        self.count_statement();
        let deadline = Instant::now() + STATEMENT_TIMEOUT;
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

    /// Executes a statement. Returns `None` if a unique key refuses the change because another
    /// writer was first.
    async fn try_execute(&self, text: &str, parameters: Vec<Value>) -> Result<Option<Outcome>> {
        self.count_statement();
        let deadline = Instant::now() + STATEMENT_TIMEOUT;
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
