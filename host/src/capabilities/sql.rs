//! `edge:platform/sql`: the plugin's database, within its grant.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::{HasSelf, Linker, Resource};

use crate::bindings::sql::{Dialect, Error, Host, HostTransaction, Outcome, Rows, Value};
use crate::runtime::{End, Ending, HostCall, Operation, State};
use crate::stores::sql::{DatabaseAccess, OpenTransaction, PackedRows};
use crate::telemetry::traces::text;

/// Transactions that one request may have open at once.
const MOST_TRANSACTIONS: usize = 4;

/// One instance's use of its database.
pub struct SqlSession {
    access: Arc<DatabaseAccess>,
    open_transactions: usize,
}

impl SqlSession {
    /// A session under the grant of `access`.
    #[must_use]
    pub fn new(access: Arc<DatabaseAccess>) -> Self {
        Self {
            access,
            open_transactions: 0,
        }
    }

    /// Whether a transaction was begun, and not committed, rolled back or
    /// dropped.
    #[must_use]
    pub fn has_open_transactions(&self) -> bool {
        self.open_transactions > 0
    }
}

/// Let components import `edge:platform/sql`.
///
/// # Errors
/// When the linker has it already.
pub fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    crate::bindings::sql::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}

impl State {
    /// Account for a statement, or for the beginning of a transaction. Its end
    /// is free: a plugin that is out of calls can still leave things in order.
    fn count(&mut self) -> Result<(), Error> {
        self.count_host_call()
            .map_err(|limit| Error::TooLarge(limit.to_string()))
    }

    /// The database, what counts this operation on it, and its deadline.
    fn database(
        &mut self,
        operation: Operation,
    ) -> wasmtime::Result<(Arc<DatabaseAccess>, HostCall, Instant)> {
        let deadline = self.call().store_deadline();
        let access = self.session()?.access.clone();
        let counting = self.begin_operation(operation, access.system());
        Ok((access, counting, deadline))
    }

    /// What counts an operation in a transaction.
    fn in_transaction(&mut self, operation: Operation) -> wasmtime::Result<HostCall> {
        let system = self.session()?.access.system();
        Ok(self.begin_operation(operation, system))
    }

    /// A statement ended with this outcome, which is returned. Its span, if
    /// it has one, says what it was about.
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
        // A component that imports sql without a grant was refused at start.
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

impl Ending for Error {
    fn end(&self) -> End {
        match self {
            Self::Denied(_) => End::Denied,
            Self::Invalid(_) => End::Invalid,
            Self::Conflict(_) => End::Conflict,
            Self::TooLarge(_) => End::TooLarge,
            Self::Timeout => End::Timeout,
            Self::Unavailable(_) => End::Unavailable,
        }
    }
}

impl Host for State {
    async fn get_dialect(&mut self) -> wasmtime::Result<Dialect> {
        Ok(self.session()?.access.dialect())
    }

    async fn query(
        &mut self,
        statement: String,
        parameters: Vec<Value>,
    ) -> wasmtime::Result<Result<Rows, Error>> {
        if let Err(refusal) = self.count() {
            return Ok(Err(refusal));
        }
        let (access, counting, deadline) = self.database(Operation::SqlQuery)?;
        let rows = match self.call().reads.may_be_stale() {
            true => access.query_stale(&statement, parameters, deadline).await,
            false => access.query(&statement, parameters, deadline).await,
        };
        Ok(self.ended(counting, &statement, rows))
    }

    async fn query_packed(
        &mut self,
        statement: String,
        parameters: Vec<Value>,
    ) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        if let Err(refusal) = self.count() {
            return Ok(Err(refusal));
        }
        let (access, counting, deadline) = self.database(Operation::SqlQuery)?;
        let rows = match self.call().reads.may_be_stale() {
            true => access.query_stale(&statement, parameters, deadline).await,
            false => access.query(&statement, parameters, deadline).await,
        };
        let rows = self.ended(counting, &statement, rows);
        Ok(rows.map(PackedRows::into_bytes))
    }

    async fn execute(
        &mut self,
        statement: String,
        parameters: Vec<Value>,
    ) -> wasmtime::Result<Result<Outcome, Error>> {
        if let Err(refusal) = self.count() {
            return Ok(Err(refusal));
        }
        let (access, counting, deadline) = self.database(Operation::SqlExecute)?;
        self.call().reads.write();
        let outcome = access.execute(&statement, parameters, deadline).await;
        Ok(self.ended(counting, &statement, outcome))
    }

    async fn begin(&mut self) -> wasmtime::Result<Result<Resource<OpenTransaction>, Error>> {
        if let Err(refusal) = self.count() {
            return Ok(Err(refusal));
        }
        let (access, counting, deadline) = self.database(Operation::SqlBegin)?;
        if self.session()?.open_transactions == MOST_TRANSACTIONS {
            let most = format!("a request has at most {MOST_TRANSACTIONS} open transactions");
            return Ok(counting.with(Err(Error::TooLarge(most))));
        }
        self.call().reads.write();
        match counting.with(access.begin(deadline).await) {
            Ok(transaction) => {
                self.session()?.open_transactions += 1;
                Ok(Ok(self.sql().0.push(transaction)?))
            }
            Err(error) => Ok(Err(error)),
        }
    }
}

impl HostTransaction for State {
    async fn query(
        &mut self,
        transaction: Resource<OpenTransaction>,
        statement: String,
        parameters: Vec<Value>,
    ) -> wasmtime::Result<Result<Rows, Error>> {
        if let Err(refusal) = self.count() {
            return Ok(Err(refusal));
        }
        let counting = self.in_transaction(Operation::SqlQuery)?;
        let (transaction, deadline) = self.transaction(&transaction)?;
        let rows = transaction.query(&statement, parameters, deadline).await;
        Ok(self.ended(counting, &statement, rows))
    }

    async fn query_packed(
        &mut self,
        transaction: Resource<OpenTransaction>,
        statement: String,
        parameters: Vec<Value>,
    ) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        if let Err(refusal) = self.count() {
            return Ok(Err(refusal));
        }
        let counting = self.in_transaction(Operation::SqlQuery)?;
        let (transaction, deadline) = self.transaction(&transaction)?;
        let rows = transaction.query(&statement, parameters, deadline).await;
        let rows = self.ended(counting, &statement, rows);
        Ok(rows.map(PackedRows::into_bytes))
    }

    async fn execute(
        &mut self,
        transaction: Resource<OpenTransaction>,
        statement: String,
        parameters: Vec<Value>,
    ) -> wasmtime::Result<Result<Outcome, Error>> {
        if let Err(refusal) = self.count() {
            return Ok(Err(refusal));
        }
        let counting = self.in_transaction(Operation::SqlExecute)?;
        let (transaction, deadline) = self.transaction(&transaction)?;
        let outcome = transaction.execute(&statement, parameters, deadline).await;
        Ok(self.ended(counting, &statement, outcome))
    }

    async fn commit(
        &mut self,
        transaction: Resource<OpenTransaction>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let counting = self.in_transaction(Operation::SqlCommit)?;
        let (transaction, deadline) = self.take_transaction(transaction)?;
        Ok(counting.with(transaction.commit(deadline).await))
    }

    async fn rollback(
        &mut self,
        transaction: Resource<OpenTransaction>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let counting = self.in_transaction(Operation::SqlRollback)?;
        let (transaction, deadline) = self.take_transaction(transaction)?;
        Ok(counting.with(transaction.rollback(deadline).await))
    }

    /// Rolls back, unless it was committed: those are no longer in the table.
    async fn drop(&mut self, transaction: Resource<OpenTransaction>) -> wasmtime::Result<()> {
        let (transaction, deadline) = self.take_transaction(transaction)?;
        if let Err(error) = transaction.rollback(deadline).await {
            tracing::debug!(?error, "a transaction is left to the database to roll back");
        }
        Ok(())
    }
}
