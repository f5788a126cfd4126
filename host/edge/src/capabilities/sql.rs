//! `edge:platform/sql`: SQL statements and transactions, within the plugin's grant.

use std::sync::Arc;
use std::time::Instant;

use stores::sql::{
    Cell, DatabaseAccess, Dialect, Error, Form, OpenTransaction, Outcome as Change, PackedRows,
    Value,
};
use wasmtime::component::{HasSelf, Linker, Resource};

use crate::bindings::sql as wit;
use crate::bindings::sql::{Host, HostTransaction};
use crate::guest::{AsOutcome, HostCall, Operation, Outcome, SqlSession, State};
use crate::telemetry::traces::text;

/// Maximum number of transactions that one request may have open at once.
const MOST_TRANSACTIONS: usize = 4;

/// Adds `edge:platform/sql` to the linker.
///
/// # Errors
/// Returns an error if the linker has the interface already.
pub fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    crate::bindings::sql::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}

impl State {
    /// Counts a host call for a statement or for the beginning of a transaction. Ending a
    /// transaction is not counted, so that a plugin without remaining calls can still commit or
    /// roll back.
    fn count(&mut self) -> Result<(), Error> {
        self.count_host_call()
            .map_err(|limit| Error::TooLarge(limit.to_string()))
    }

    /// Returns the database, the started operation on it, and its deadline.
    fn database(
        &mut self,
        operation: Operation,
    ) -> wasmtime::Result<(Arc<DatabaseAccess>, HostCall, Instant)> {
        let deadline = self.call().store_deadline();
        let access = self.session()?.access.clone();
        let counting = self.begin_operation(operation, access.system());
        Ok((access, counting, deadline))
    }

    /// Starts an operation in a transaction.
    fn in_transaction(&mut self, operation: Operation) -> wasmtime::Result<HostCall> {
        let system = self.session()?.access.system();
        Ok(self.begin_operation(operation, system))
    }

    /// Ends a statement with this outcome, which is returned, and names its span by the statement's
    /// summary.
    fn ended<T>(
        &mut self,
        mut counting: HostCall,
        statement: &str,
        outcome: Result<T, Error>,
    ) -> Result<T, Error> {
        if let Some(work) = counting.work() {
            let session = self.sql().1;
            let summary = session.and_then(|session| session.access.summary(statement));
            if let Some(summary) = summary {
                work.set([text("db.query.summary", summary.to_string())]);
                work.rename(summary.to_string());
            }
        }
        counting.with(outcome)
    }

    fn session(&mut self) -> wasmtime::Result<&mut SqlSession> {
        // Checked at load: a component that imports the interface without a grant is refused.
        self.sql()
            .1
            .ok_or_else(|| wasmtime::Error::msg("the plugin has no database grant"))
    }

    fn transaction(
        &mut self,
        handle: &Resource<OpenTransaction>,
    ) -> wasmtime::Result<(&mut OpenTransaction, Instant)> {
        let deadline = self.call().store_deadline();
        Ok((self.sql().0.get_mut(handle)?, deadline))
    }

    fn take_transaction(
        &mut self,
        handle: Resource<OpenTransaction>,
    ) -> wasmtime::Result<(OpenTransaction, Instant)> {
        let deadline = self.call().store_deadline();
        self.session()?.open_transactions -= 1;
        Ok((self.sql().0.delete(handle)?, deadline))
    }
}

impl AsOutcome for Error {
    fn as_outcome(&self) -> Outcome {
        match self {
            Self::Denied(_) => Outcome::Denied,
            Self::Invalid(_) => Outcome::Invalid,
            Self::Conflict(_) => Outcome::Conflict,
            Self::TooLarge(_) => Outcome::TooLarge,
            Self::Timeout => Outcome::Timeout,
            Self::Unavailable(_) => Outcome::Unavailable,
        }
    }
}

impl From<Dialect> for wit::Dialect {
    fn from(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Sqlite => Self::Sqlite,
            Dialect::Mysql => Self::Mysql,
        }
    }
}

impl From<wit::Value> for Value {
    fn from(value: wit::Value) -> Self {
        match value {
            wit::Value::Null => Self::Null,
            wit::Value::Integer(number) => Self::Integer(number),
            wit::Value::Real(number) => Self::Real(number),
            wit::Value::Text(text) => Self::Text(text),
            wit::Value::Blob(bytes) => Self::Blob(bytes),
            wit::Value::Timestamp(text) => Self::Timestamp(text),
        }
    }
}

impl From<Change> for wit::Outcome {
    fn from(outcome: Change) -> Self {
        Self {
            rows_affected: outcome.rows_affected,
            last_insert_id: outcome.last_insert_id,
        }
    }
}

impl From<Error> for wit::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Denied(text) => Self::Denied(text),
            Error::Invalid(text) => Self::Invalid(text),
            Error::Conflict(text) => Self::Conflict(text),
            Error::TooLarge(text) => Self::TooLarge(text),
            Error::Timeout => Self::Timeout,
            Error::Unavailable(text) => Self::Unavailable(text),
        }
    }
}

/// Rows as records of the interface. Each text takes an allocation in the guest; `PackedRows` takes
/// one for all rows.
impl Form for wit::Rows {
    fn new() -> Self {
        Self {
            columns: Vec::new(),
            rows: Vec::new(),
        }
    }

    fn columns<'a>(&mut self, names: impl ExactSizeIterator<Item = &'a str>) {
        self.columns = names.map(str::to_owned).collect();
    }

    fn row(&mut self, values: usize) {
        self.rows.push(Vec::with_capacity(values));
    }

    fn value(&mut self, cell: Cell<'_>) {
        let value = match cell {
            Cell::Null => wit::Value::Null,
            Cell::Integer(number) => wit::Value::Integer(number),
            Cell::Real(number) => wit::Value::Real(number),
            Cell::Text(text) => wit::Value::Text(text.into_owned()),
            Cell::Blob(bytes) => wit::Value::Blob(bytes.to_owned()),
        };
        if let Some(row) = self.rows.last_mut() {
            row.push(value);
        }
    }
}

/// Result of an interface function: a value, an error of the interface, or a trap.
type CallResult<T> = wasmtime::Result<Result<T, wit::Error>>;

fn owned(parameters: Vec<wit::Value>) -> Vec<Value> {
    parameters.into_iter().map(Value::from).collect()
}

impl State {
    /// Runs a SELECT outside a transaction, and returns its rows as `F`.
    async fn run_query<F: Form>(
        &mut self,
        statement: &str,
        parameters: Vec<wit::Value>,
    ) -> CallResult<F> {
        if let Err(refusal) = self.count() {
            return Ok(Err(refusal.into()));
        }
        let parameters = owned(parameters);
        let (access, counting, deadline) = self.database(Operation::SqlQuery)?;
        let rows = match self.call().reads.may_be_stale() {
            true => access.query_stale(statement, parameters, deadline).await,
            false => access.query(statement, parameters, deadline).await,
        };
        let rows = self.ended(counting, statement, rows);
        Ok(rows.map_err(wit::Error::from))
    }

    /// Runs a SELECT in a transaction, and returns its rows as `F`.
    async fn run_query_in<F: Form>(
        &mut self,
        transaction: &Resource<OpenTransaction>,
        statement: &str,
        parameters: Vec<wit::Value>,
    ) -> CallResult<F> {
        if let Err(refusal) = self.count() {
            return Ok(Err(refusal.into()));
        }
        let parameters = owned(parameters);
        let counting = self.in_transaction(Operation::SqlQuery)?;
        let (transaction, deadline) = self.transaction(transaction)?;
        let rows = transaction.query(statement, parameters, deadline).await;
        let rows = self.ended(counting, statement, rows);
        Ok(rows.map_err(wit::Error::from))
    }
}

impl Host for State {
    async fn get_dialect(&mut self) -> wasmtime::Result<wit::Dialect> {
        Ok(self.session()?.access.dialect().into())
    }

    async fn query(
        &mut self,
        statement: String,
        parameters: Vec<wit::Value>,
    ) -> CallResult<wit::Rows> {
        self.run_query(&statement, parameters).await
    }

    async fn query_packed(
        &mut self,
        statement: String,
        parameters: Vec<wit::Value>,
    ) -> CallResult<Vec<u8>> {
        let rows = self.run_query(&statement, parameters).await?;
        Ok(rows.map(PackedRows::into_bytes))
    }

    async fn execute(
        &mut self,
        statement: String,
        parameters: Vec<wit::Value>,
    ) -> CallResult<wit::Outcome> {
        if let Err(refusal) = self.count() {
            return Ok(Err(refusal.into()));
        }
        let parameters = owned(parameters);
        let (access, counting, deadline) = self.database(Operation::SqlExecute)?;
        self.call().reads.write();
        let outcome = access.execute(&statement, parameters, deadline).await;
        let outcome = self.ended(counting, &statement, outcome);
        Ok(outcome.map(wit::Outcome::from).map_err(wit::Error::from))
    }

    async fn begin(&mut self) -> CallResult<Resource<OpenTransaction>> {
        if let Err(refusal) = self.count() {
            return Ok(Err(refusal.into()));
        }
        let (access, counting, deadline) = self.database(Operation::SqlBegin)?;
        if self.session()?.open_transactions == MOST_TRANSACTIONS {
            let most = format!("a request has at most {MOST_TRANSACTIONS} open transactions");
            let refused = counting.with(Err(Error::TooLarge(most)));
            return Ok(refused.map_err(wit::Error::from));
        }
        self.call().reads.write();
        match counting.with(access.begin(deadline).await) {
            Ok(transaction) => {
                self.session()?.open_transactions += 1;
                Ok(Ok(self.sql().0.push(transaction)?))
            }
            Err(error) => Ok(Err(error.into())),
        }
    }
}

impl HostTransaction for State {
    async fn query(
        &mut self,
        transaction: Resource<OpenTransaction>,
        statement: String,
        parameters: Vec<wit::Value>,
    ) -> CallResult<wit::Rows> {
        self.run_query_in(&transaction, &statement, parameters)
            .await
    }

    async fn query_packed(
        &mut self,
        transaction: Resource<OpenTransaction>,
        statement: String,
        parameters: Vec<wit::Value>,
    ) -> CallResult<Vec<u8>> {
        let rows = self.run_query_in(&transaction, &statement, parameters);
        Ok(rows.await?.map(PackedRows::into_bytes))
    }

    async fn execute(
        &mut self,
        transaction: Resource<OpenTransaction>,
        statement: String,
        parameters: Vec<wit::Value>,
    ) -> CallResult<wit::Outcome> {
        if let Err(refusal) = self.count() {
            return Ok(Err(refusal.into()));
        }
        let parameters = owned(parameters);
        let counting = self.in_transaction(Operation::SqlExecute)?;
        let (transaction, deadline) = self.transaction(&transaction)?;
        let outcome = transaction.execute(&statement, parameters, deadline).await;
        let outcome = self.ended(counting, &statement, outcome);
        Ok(outcome.map(wit::Outcome::from).map_err(wit::Error::from))
    }

    async fn commit(&mut self, transaction: Resource<OpenTransaction>) -> CallResult<()> {
        let counting = self.in_transaction(Operation::SqlCommit)?;
        let (transaction, deadline) = self.take_transaction(transaction)?;
        let committed = counting.with(transaction.commit(deadline).await);
        Ok(committed.map_err(wit::Error::from))
    }

    async fn rollback(&mut self, transaction: Resource<OpenTransaction>) -> CallResult<()> {
        let counting = self.in_transaction(Operation::SqlRollback)?;
        let (transaction, deadline) = self.take_transaction(transaction)?;
        let rolled_back = counting.with(transaction.rollback(deadline).await);
        Ok(rolled_back.map_err(wit::Error::from))
    }

    /// Rolls back the transaction. A committed one is no longer in the table.
    async fn drop(&mut self, transaction: Resource<OpenTransaction>) -> wasmtime::Result<()> {
        let (transaction, deadline) = self.take_transaction(transaction)?;
        if let Err(error) = transaction.rollback(deadline).await {
            tracing::debug!(?error, "a transaction is left to the database to roll back");
        }
        Ok(())
    }
}
