//! One plugin's access to one database: what its grant allows, on a pool of
//! its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::redacted_url;
use super::guard::{Guard, Kind, TableGrant};
use super::mysql::MySqlDatabase;
use super::pooled::MySqlTransaction;
use super::replica::{Replica, ReplicaUse};
use super::rows::Form;
use super::sqlite::{SqliteDatabase, SqliteTransaction};
use super::{CallLimits, Result};
use crate::breaker::StoreHealth;
use crate::sql::{Dialect, Error, Outcome, Value};

/// How long the answer to a ping may take: less than whoever asks waits, so
/// that no answer is one that did not come in time.
const PING_TIMEOUT: Duration = Duration::from_millis(800);

/// A plugin's database: the grant, and the pool that is its own.
pub struct DatabaseAccess {
    pub(super) database: Database,
    replica: Option<Replica>,
    url: String,
    guard: Guard,
    limits: CallLimits,
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

/// The connections of one grant to its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// Those that work.
    pub used: usize,
    /// Those that are open and wait for work.
    pub idle: usize,
    /// Requests that wait for one.
    pub waiting: usize,
    /// As many as there may be.
    pub most: usize,
}

enum Transaction {
    Sqlite(SqliteTransaction),
    MySql(MySqlTransaction, MySqlDatabase),
}

impl DatabaseAccess {
    /// What `grant` allows on `database`, which was opened by `url`.
    pub(super) fn new(
        database: Database,
        url: &str,
        grant: TableGrant,
        limits: CallLimits,
    ) -> Self {
        let dialect = database.dialect();
        Self {
            database,
            replica: None,
            url: redacted_url(url),
            guard: Guard::new(grant, dialect),
            limits,
        }
    }

    /// The same, with a `replica` that [`query_stale`](Self::query_stale)
    /// asks.
    pub(super) fn with_replica(self, replica: Replica) -> Self {
        Self {
            replica: Some(replica),
            ..self
        }
    }

    /// Returns the same, which logs and the node's report call `store`, such as
    /// `the database of plugin order`, where it is a file.
    #[must_use]
    pub fn called(self, store: &str) -> Self {
        if let Database::Sqlite(sqlite) = &self.database {
            sqlite.refusals().rename(store);
        }
        self
    }

    /// Returns in words that the database's file refuses changes, while it does;
    /// nothing of a server.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        match &self.database {
            Database::Sqlite(sqlite) => sqlite.refusals().standing(),
            Database::MySql(_) => None,
        }
    }

    /// The database's URL, without its password.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it is, as OpenTelemetry calls it.
    #[must_use]
    pub fn system(&self) -> &'static str {
        match self.dialect() {
            Dialect::Sqlite => "sqlite",
            Dialect::Mysql => "mysql",
        }
    }

    /// The connections of this grant; the one that writes to SQLite is not
    /// among them.
    #[must_use]
    pub fn connections(&self) -> Connections {
        match &self.database {
            Database::Sqlite(sqlite) => sqlite.connections(),
            Database::MySql(mysql) => mysql.pool.connections(),
        }
    }

    /// Returns the connections to its replica, if it has one.
    #[must_use]
    pub fn replica_connections(&self) -> Option<Connections> {
        self.replica.as_ref().map(Replica::connections)
    }

    /// Returns how many connections the database's server takes from all of
    /// its clients, and how the server is called; nothing of a file.
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

    /// The tables that may be used.
    pub(super) fn grant(&self) -> &TableGrant {
        self.guard.grant()
    }

    /// Which SQL it speaks.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.database.dialect()
    }

    /// What traces call a statement that may run, and was tried to of late.
    #[must_use]
    pub fn summary(&self, text: &str) -> Option<Arc<str>> {
        self.guard.summary(text)
    }

    /// How the database's server does; nothing of a file.
    #[must_use]
    pub fn health(&self) -> Option<StoreHealth> {
        match &self.database {
            Database::Sqlite(_) => None,
            Database::MySql(mysql) => Some(mysql.health.breaker().health()),
        }
    }

    /// What its replica was used for, if it has one.
    #[must_use]
    pub fn replica(&self) -> Option<ReplicaUse> {
        self.replica.as_ref().map(Replica::usage)
    }

    /// Run a SELECT that may see what was true a moment ago: on the replica,
    /// where there is one that answers.
    ///
    /// # Errors
    /// As [`query`](Self::query).
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

    /// Run a SELECT, and make its rows into the form `F`.
    ///
    /// # Errors
    /// As `edge:platform/sql` says; `timeout` past `deadline`.
    pub async fn query<F: Form>(
        &self,
        text: &str,
        parameters: Vec<Value>,
        deadline: Instant,
    ) -> Result<F> {
        let statement = self.guard.check(text, Kind::Query, parameters.len())?;
        let limits = self.limits;
        match &self.database {
            Database::Sqlite(sqlite) => {
                let asking = sqlite.query(&statement, parameters, limits, deadline);
                within(deadline, asking).await
            }
            Database::MySql(mysql) => {
                let text = &statement.text;
                mysql.query(text, &parameters, limits, deadline).await
            }
        }
    }

    /// Run an INSERT, UPDATE or DELETE.
    ///
    /// # Errors
    /// As `edge:platform/sql` says; `timeout` past `deadline`: whether the
    /// change was made is unknown then.
    pub async fn execute(
        &self,
        text: &str,
        parameters: Vec<Value>,
        deadline: Instant,
    ) -> Result<Outcome> {
        let statement = self.guard.check(text, Kind::Change, parameters.len())?;
        match &self.database {
            Database::Sqlite(sqlite) => {
                let changing = sqlite.execute(&statement, parameters, deadline);
                within(deadline, changing).await
            }
            Database::MySql(mysql) => mysql.execute(&statement.text, &parameters, deadline).await,
        }
    }

    /// Begin a transaction.
    ///
    /// # Errors
    /// When no connection, or not SQLite's writer, is to be had in time.
    pub async fn begin(self: &Arc<Self>, deadline: Instant) -> Result<OpenTransaction> {
        let transaction = match &self.database {
            Database::Sqlite(sqlite) => {
                Transaction::Sqlite(within(deadline, sqlite.begin(deadline)).await?)
            }
            Database::MySql(mysql) => {
                Transaction::MySql(mysql.begin(deadline).await?, mysql.clone())
            }
        };
        Ok(OpenTransaction {
            access: self.clone(),
            transaction,
        })
    }

    /// Whether the database answers a connection of this pool.
    ///
    /// # Errors
    /// When it does not, or every connection is busy for too long.
    pub async fn ping(&self) -> Result<()> {
        let deadline = Instant::now() + PING_TIMEOUT;
        match &self.database {
            Database::Sqlite(sqlite) => within(deadline, sqlite.ping(deadline)).await,
            Database::MySql(mysql) => mysql.ping(deadline).await,
        }
    }

    /// Whether the replica answers; nothing where there is none.
    pub async fn ping_replica(&self) -> Option<Result<()>> {
        let replica = self.replica.as_ref()?;
        Some(replica.ping(Instant::now() + PING_TIMEOUT).await)
    }

    /// Close this grant's connections, each once its statement is done.
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

/// An open transaction, and the grant that it is under. Dropping it rolls it
/// back.
pub struct OpenTransaction {
    access: Arc<DatabaseAccess>,
    transaction: Transaction,
}

impl OpenTransaction {
    /// Run a SELECT in the transaction; see [`DatabaseAccess::query`].
    ///
    /// # Errors
    /// As there.
    pub async fn query<F: Form>(
        &mut self,
        text: &str,
        parameters: Vec<Value>,
        deadline: Instant,
    ) -> Result<F> {
        let statement = self
            .access
            .guard
            .check(text, Kind::Query, parameters.len())?;
        let limits = self.access.limits;
        match &mut self.transaction {
            Transaction::Sqlite(open) => {
                let asking = open.query(&statement.text, parameters, limits, deadline);
                within(deadline, asking).await
            }
            Transaction::MySql(open, mysql) => {
                let text = &statement.text;
                mysql
                    .query_in(open, text, &parameters, limits, deadline)
                    .await
            }
        }
    }

    /// Run a change in the transaction; see [`DatabaseAccess::execute`].
    ///
    /// # Errors
    /// As there.
    pub async fn execute(
        &mut self,
        text: &str,
        parameters: Vec<Value>,
        deadline: Instant,
    ) -> Result<Outcome> {
        let statement = self
            .access
            .guard
            .check(text, Kind::Change, parameters.len())?;
        match &mut self.transaction {
            Transaction::Sqlite(open) => {
                let changing = open.execute(&statement.text, parameters, deadline);
                within(deadline, changing).await
            }
            Transaction::MySql(open, mysql) => {
                let text = &statement.text;
                mysql.execute_in(open, text, &parameters, deadline).await
            }
        }
    }

    /// Keep the transaction's changes.
    ///
    /// # Errors
    /// When the database refuses; whether the changes were kept is unknown
    /// after `timeout` and `unavailable`.
    pub async fn commit(self, deadline: Instant) -> Result<()> {
        match self.transaction {
            Transaction::Sqlite(open) => within(deadline, open.commit(deadline)).await,
            Transaction::MySql(open, mysql) => mysql.end(open.commit(), deadline).await,
        }
    }

    /// Undo the transaction's changes.
    ///
    /// # Errors
    /// When the database does not answer; it undoes them by itself then.
    pub async fn rollback(self, deadline: Instant) -> Result<()> {
        match self.transaction {
            Transaction::Sqlite(open) => within(deadline, open.rollback(deadline)).await,
            Transaction::MySql(open, mysql) => mysql.end(open.rollback(), deadline).await,
        }
    }
}

async fn within<T>(deadline: Instant, work: impl Future<Output = Result<T>>) -> Result<T> {
    match tokio::time::timeout_at(deadline.into(), work).await {
        Ok(result) => result,
        Err(_) => Err(Error::Timeout),
    }
}
