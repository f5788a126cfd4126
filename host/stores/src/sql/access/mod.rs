//! One plugin's access to one database: the statements that its grant allows,
//! run on a connection pool of its own.

mod databases;
mod kept;
mod replica;
mod system_tables;
#[cfg(test)]
mod tests;
mod tracking;
mod transaction;

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::redacted_url;
use super::guard::{Checked, Guard, Kind, TableGrant};
use super::mysql::MySqlDatabase;
use super::rows::Form;
use super::sqlite::SqliteDatabase;
use super::versions::Versions;
use super::{CallLimits, Connections, Dialect, Error, Outcome, Result, Value};
use crate::breaker::StoreHealth;
use kept::KeptResults;
use replica::Replica;

pub use databases::Databases;
pub use kept::MaxAge;
pub use replica::ReplicaUse;
pub use transaction::OpenTransaction;

/// Time limit for the answer to a ping: shorter than the caller's own timeout,
/// so that a database that does not answer is reported as such.
const PING_TIMEOUT: Duration = Duration::from_millis(800);

/// A plugin's access to a database: its grant and its own connection pool.
pub struct DatabaseAccess {
    pub(super) database: Database,
    replica: Option<Replica>,
    url: String,
    guard: Guard,
    limits: CallLimits,
    versions: Arc<Versions>,
    kept: KeptResults,
}

#[derive(Clone)]
pub(super) enum Database {
    Sqlite(SqliteDatabase),
    MySql(MySqlDatabase),
}

impl Database {
    fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::MySql(_) => Dialect::Mysql,
        }
    }
}

impl DatabaseAccess {
    /// Returns access to `database`, opened by `url`, within `grant`.
    pub(super) fn new(
        database: Database,
        url: &str,
        grant: TableGrant,
        limits: CallLimits,
        versions: Arc<Versions>,
    ) -> Self {
        let dialect = database.dialect();
        Self {
            database,
            replica: None,
            url: redacted_url(url),
            guard: Guard::new(grant, dialect),
            limits,
            versions,
            kept: KeptResults::new(),
        }
    }

    /// Adds a `replica` for [`query_stale`](Self::query_stale).
    fn with_replica(self, replica: Replica) -> Self {
        Self {
            replica: Some(replica),
            ..self
        }
    }

    /// Sets the name, such as `the database of plugin order`, by which logs and
    /// the node's report call the database. Applies to SQLite files only.
    #[must_use]
    pub fn called(self, store: &str) -> Self {
        if let Database::Sqlite(sqlite) = &self.database {
            sqlite.refusals().rename(store);
        }
        self
    }

    /// Returns a message while the database's file refuses changes. `None` if
    /// it takes them, and always for a server.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        match &self.database {
            Database::Sqlite(sqlite) => sqlite.refusals().standing(),
            Database::MySql(_) => None,
        }
    }

    /// Returns the database's URL, without its password.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the database system's name in OpenTelemetry's conventions.
    #[must_use]
    pub fn system(&self) -> &'static str {
        match self.dialect() {
            Dialect::Sqlite => "sqlite",
            Dialect::Mysql => "mysql",
        }
    }

    /// Returns the numbers of connections of this grant. SQLite's writer
    /// connection is not counted.
    #[must_use]
    pub fn connections(&self) -> Connections {
        match &self.database {
            Database::Sqlite(sqlite) => sqlite.connections(),
            Database::MySql(mysql) => mysql.pool.connections(),
        }
    }

    /// Returns the numbers of connections to the replica, if the database has
    /// one.
    #[must_use]
    pub fn replica_connections(&self) -> Option<Connections> {
        self.replica.as_ref().map(Replica::connections)
    }

    /// Returns the address of the database server and its `max_connections`,
    /// which all of its clients share; `None` for a file.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn server_limit(&self) -> Result<Option<(String, u64)>> {
        let Database::MySql(mysql) = &self.database else {
            return Ok(None);
        };
        let most = mysql.max_connections(Instant::now() + PING_TIMEOUT).await?;
        Ok(Some((mysql.health.address().to_owned(), most)))
    }

    /// Returns the tables that the plugin may use.
    pub(super) fn grant(&self) -> &TableGrant {
        self.guard.grant()
    }

    /// Returns the SQL dialect of the database.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.database.dialect()
    }

    /// Returns the name in traces of an allowed statement, if the statement was
    /// checked recently.
    #[must_use]
    pub fn summary(&self, text: &str) -> Option<Arc<str>> {
        self.guard.summary(text)
    }

    /// Returns the health of the database server; `None` for a file.
    #[must_use]
    pub fn health(&self) -> Option<StoreHealth> {
        match &self.database {
            Database::Sqlite(_) => None,
            Database::MySql(mysql) => Some(mysql.health.breaker().health()),
        }
    }

    /// Returns how the replica was used, if the database has one.
    #[must_use]
    pub fn replica(&self) -> Option<ReplicaUse> {
        self.replica.as_ref().map(Replica::usage)
    }

    /// Runs a SELECT whose result may be slightly stale: on the replica if
    /// there is one that answers, otherwise on the primary.
    ///
    /// # Errors
    /// As for [`query`](Self::query).
    pub async fn query_stale<F: Form>(
        &self,
        text: &str,
        parameters: Vec<Value>,
        deadline: Instant,
    ) -> Result<F> {
        let Some(replica) = &self.replica else {
            return self.query(text, parameters, deadline).await;
        };
        let statement = self.guard.check(text, Kind::Query, parameters.len())?;
        let asking = replica.query(&statement.text, &parameters, self.limits, deadline);
        match asking.await {
            Some(answer) => answer,
            None => self.query(text, parameters, deadline).await,
        }
    }

    /// Runs a SELECT and returns its rows in the form `F`.
    ///
    /// # Errors
    /// As `edge:platform/sql` specifies; `timeout` past `deadline`.
    pub async fn query<F: Form>(
        &self,
        text: &str,
        parameters: Vec<Value>,
        deadline: Instant,
    ) -> Result<F> {
        let statement = self.guard.check(text, Kind::Query, parameters.len())?;
        self.ask(&statement, parameters, deadline).await
    }

    async fn ask<F: Form>(
        &self,
        statement: &Checked,
        parameters: Vec<Value>,
        deadline: Instant,
    ) -> Result<F> {
        let limits = self.limits;
        match &self.database {
            Database::Sqlite(sqlite) => {
                let asking = sqlite.query(statement, parameters, limits, deadline);
                within(deadline, asking).await
            }
            Database::MySql(mysql) => {
                let text = &statement.text;
                mysql.query(text, &parameters, limits, deadline).await
            }
        }
    }

    /// Runs an INSERT, UPDATE or DELETE.
    ///
    /// # Errors
    /// As `edge:platform/sql` specifies; `timeout` past `deadline`, after which
    /// it is unknown if the change was made.
    pub async fn execute(
        &self,
        text: &str,
        parameters: Vec<Value>,
        deadline: Instant,
    ) -> Result<Outcome> {
        let statement = self.guard.check(text, Kind::Change, parameters.len())?;
        // They take effect when this future ends or is dropped, at the latest.
        let changes = self.pending_changes();
        changes.add(self.changes(&statement, &parameters));
        match &self.database {
            Database::Sqlite(sqlite) => {
                let changing = sqlite.execute(&statement, parameters, &changes, deadline);
                within(deadline, changing).await
            }
            Database::MySql(mysql) => mysql.execute(&statement.text, &parameters, deadline).await,
        }
    }

    /// Checks that the database answers on a connection of this pool.
    ///
    /// # Errors
    /// When it does not answer, or no connection becomes free in time.
    pub async fn ping(&self) -> Result<()> {
        let deadline = Instant::now() + PING_TIMEOUT;
        match &self.database {
            Database::Sqlite(sqlite) => within(deadline, sqlite.ping(deadline)).await,
            Database::MySql(mysql) => mysql.ping(deadline).await,
        }
    }

    /// Checks that the replica answers; `None` if the database has none.
    pub async fn ping_replica(&self) -> Option<Result<()>> {
        let replica = self.replica.as_ref()?;
        Some(replica.ping(Instant::now() + PING_TIMEOUT).await)
    }

    /// Closes this grant's connections, each once its statement has finished.
    pub async fn close(&self) {
        if let Some(replica) = &self.replica {
            replica.close().await;
        }
        match &self.database {
            Database::Sqlite(sqlite) => sqlite.close().await,
            Database::MySql(mysql) => mysql.pool.close().await,
        }
    }
}

/// Runs `work` until `deadline`.
async fn within<T>(deadline: Instant, work: impl Future<Output = Result<T>>) -> Result<T> {
    match tokio::time::timeout_at(deadline.into(), work).await {
        Ok(result) => result,
        Err(_) => Err(Error::Timeout),
    }
}
