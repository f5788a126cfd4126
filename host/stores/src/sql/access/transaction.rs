//! Transactions of a plugin, within its grant.

use std::sync::Arc;
use std::time::Instant;

use super::{Database, DatabaseAccess, within};
use crate::sql::guard::Kind;
use crate::sql::mysql::{MySqlDatabase, MySqlTransaction};
use crate::sql::rows::Form;
use crate::sql::sqlite::SqliteTransaction;
use crate::sql::versions::PendingChanges;
use crate::sql::{Outcome, Result, Value};

impl DatabaseAccess {
    /// Begins a transaction.
    ///
    /// # Errors
    /// When no connection, or for SQLite the writer connection, becomes
    /// available before the deadline.
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
            changes: self.pending_changes(),
        })
    }
}

/// An open transaction within a grant. Dropping it rolls it back.
pub struct OpenTransaction {
    access: Arc<DatabaseAccess>,
    transaction: Transaction,
    /// Changes of its statements so far. Declared after `transaction`, so that a transaction that
    /// is dropped ends before they take effect.
    changes: Arc<PendingChanges>,
}

impl OpenTransaction {
    /// Runs a SELECT in the transaction; see [`DatabaseAccess::query`].
    ///
    /// # Errors
    /// As for [`DatabaseAccess::query`].
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

    /// Runs an INSERT, UPDATE or DELETE in the transaction; see
    /// [`DatabaseAccess::execute`].
    ///
    /// # Errors
    /// As for [`DatabaseAccess::execute`].
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
        self.changes
            .add(self.access.changes(&statement, &parameters));
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

    /// Commits the transaction.
    ///
    /// # Errors
    /// When the database refuses. After `timeout` and `unavailable` it is
    /// unknown if the changes were committed.
    pub async fn commit(self, deadline: Instant) -> Result<()> {
        let changes = self.changes;
        match self.transaction {
            Transaction::Sqlite(open) => within(deadline, open.commit(&changes, deadline)).await,
            Transaction::MySql(open, mysql) => mysql.end(open.commit(), deadline).await,
        }
    }

    /// Rolls the transaction back.
    ///
    /// # Errors
    /// When the database does not answer; it then rolls back by itself.
    pub async fn rollback(self, deadline: Instant) -> Result<()> {
        match self.transaction {
            Transaction::Sqlite(open) => within(deadline, open.rollback(deadline)).await,
            Transaction::MySql(open, mysql) => mysql.end(open.rollback(), deadline).await,
        }
    }
}

enum Transaction {
    Sqlite(SqliteTransaction),
    MySql(MySqlTransaction, MySqlDatabase),
}
