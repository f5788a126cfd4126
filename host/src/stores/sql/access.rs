//! One plugin's access to one database: what its grant allows, on a pool of
//! its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::bounded::Server;
use super::error::{public_url, typed};
use super::guard::{Checked, Guard, Kind, TableGrant};
use super::mysql::MySqlDatabase;
use super::patience::Patience;
use super::rows::Form;
use super::sqlite::SqliteDatabase;
use super::{CallLimits, Result, mysql, sqlite};
use crate::bindings::sql::{Dialect, Error, Outcome, Value};

/// How long the answer to a ping may take.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// A plugin's database: the grant, and the pool that is its own.
pub struct DatabaseAccess {
    pub(super) database: Database,
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
    /// As many as there may be.
    pub most: usize,
}

enum Transaction {
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>, Patience),
    MySql(sqlx::Transaction<'static, sqlx::MySql>, Server),
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
            url: public_url(url),
            guard: Guard::new(grant, dialect),
            limits,
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

    /// The connections of this grant; SQLite's one writer, which is
    /// everybody's, is not among them.
    #[must_use]
    pub fn connections(&self) -> Connections {
        match &self.database {
            Database::Sqlite(sqlite) => sqlite.readers.connections(),
            Database::MySql(mysql) => {
                let open = mysql.pool.size() as usize;
                let idle = mysql.pool.num_idle().min(open);
                Connections {
                    used: open - idle,
                    idle,
                    most: mysql.pool.options().get_max_connections() as usize,
                }
            }
        }
    }

    /// Which SQL it speaks.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.database.dialect()
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
        within(deadline, async {
            match &self.database {
                Database::Sqlite(sqlite) => {
                    sqlite.query(&statement, parameters, limits, deadline).await
                }
                Database::MySql(MySqlDatabase { pool, server }) => {
                    let text = server.bounded(&statement.text, deadline);
                    mysql::query(pool, text, parameters, limits).await
                }
            }
        })
        .await
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
        within(deadline, async {
            match &self.database {
                Database::Sqlite(sqlite) => sqlite.execute(&statement, parameters, deadline).await,
                Database::MySql(MySqlDatabase { pool, server }) => {
                    let text = server.bounded(&statement.text, deadline);
                    mysql::execute_alone(pool, text, parameters).await
                }
            }
        })
        .await
    }

    /// Begin a transaction.
    ///
    /// # Errors
    /// When no connection, or not SQLite's writer, is to be had in time.
    pub async fn begin(self: &Arc<Self>, deadline: Instant) -> Result<OpenTransaction> {
        // A task of its own, which no deadline cuts off half-way: sqlx rolls
        // back what it knows to be open, and it knows only once BEGIN has been
        // answered. Nobody waiting any more, the transaction is dropped.
        let beginning = tokio::spawn(begin(self.database.clone()));
        let transaction = within(deadline, async {
            beginning
                .await
                .unwrap_or_else(|panic| Err(Error::Unavailable(panic.to_string())))
        })
        .await?;
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
        match &self.database {
            Database::Sqlite(sqlite) => {
                let deadline = Instant::now() + PING_TIMEOUT;
                let mut reader = sqlite.readers.take(deadline).await.map_err(typed)?;
                let asking = sqlx::query("SELECT 1").execute(reader.connection());
                let answer = asking.await;
                reader.give_back(&answer).await;
                answer.map(|_| ()).map_err(typed)
            }
            Database::MySql(mysql) => {
                let answer = sqlx::query("SELECT 1").execute(&mysql.pool).await;
                answer.map(|_| ()).map_err(typed)
            }
        }
    }

    /// Close this grant's own connections, once running statements are done.
    /// SQLite's writer is everybody's: see [`Databases::close`].
    ///
    /// [`Databases::close`]: super::Databases::close
    pub async fn close(&self) {
        match &self.database {
            Database::Sqlite(sqlite) => sqlite.readers.close().await,
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
        within(deadline, async {
            match &mut self.transaction {
                Transaction::Sqlite(open, patience) => {
                    let running = patience.begin(deadline);
                    let rows = sqlite::query(&mut **open, &statement, parameters, limits).await?;
                    running.done();
                    Ok(rows)
                }
                Transaction::MySql(open, server) => {
                    let text = server.bounded(&statement.text, deadline);
                    mysql::query(&mut **open, text, parameters, limits).await
                }
            }
        })
        .await
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
        let statement: Checked = self
            .access
            .guard
            .check(text, Kind::Change, parameters.len())?;
        within(deadline, async {
            match &mut self.transaction {
                Transaction::Sqlite(open, patience) => {
                    let running = patience.begin(deadline);
                    let outcome = sqlite::execute(&mut **open, &statement, parameters).await?;
                    running.done();
                    Ok(outcome)
                }
                Transaction::MySql(open, server) => {
                    let text = server.bounded(&statement.text, deadline);
                    mysql::execute(&mut **open, text, parameters).await
                }
            }
        })
        .await
    }

    /// Keep the transaction's changes.
    ///
    /// # Errors
    /// When the database refuses; whether the changes were kept is unknown
    /// after `timeout` and `unavailable`.
    pub async fn commit(self, deadline: Instant) -> Result<()> {
        within(deadline, async {
            match self.transaction {
                Transaction::Sqlite(open, _) => open.commit().await.map_err(typed),
                Transaction::MySql(open, _) => open.commit().await.map_err(typed),
            }
        })
        .await
    }

    /// Undo the transaction's changes.
    ///
    /// # Errors
    /// When the database does not answer; it undoes them by itself then.
    pub async fn rollback(self, deadline: Instant) -> Result<()> {
        within(deadline, async {
            match self.transaction {
                Transaction::Sqlite(open, _) => open.rollback().await.map_err(typed),
                Transaction::MySql(open, _) => open.rollback().await.map_err(typed),
            }
        })
        .await
    }
}

async fn begin(database: Database) -> Result<Transaction> {
    match database {
        Database::Sqlite(sqlite) => {
            let begun = sqlite.writer.begin_with("BEGIN IMMEDIATE").await;
            let open = begun.map_err(typed)?;
            Ok(Transaction::Sqlite(open, sqlite.patience))
        }
        Database::MySql(MySqlDatabase { pool, server }) => {
            let open = pool.begin().await.map_err(typed)?;
            Ok(Transaction::MySql(open, server))
        }
    }
}

async fn within<T>(deadline: Instant, work: impl Future<Output = Result<T>>) -> Result<T> {
    match tokio::time::timeout_at(deadline.into(), work).await {
        Ok(result) => result,
        Err(_) => Err(Error::Timeout),
    }
}
