//! `edge:platform/sql`: SQL statements and transactions, within the plugin's grant.

mod values;

use std::sync::Arc;
use std::time::{Duration, Instant};

use stores::sql::{
    DatabaseAccess, Error, Form, MaxAge, OpenTransaction, PackedRows, ResultVersion, Untracked,
    Value,
};
use wasmtime::component::{HasSelf, Linker, Resource};

use self::values::owned;
use super::host_call_limit::ok_or_answer;
use crate::bindings::sql as wit;
use crate::bindings::sql::{Host, HostTransaction};
use crate::guest::{HostCall, Interface, Ledger, Operation, SqlSession, State, Unshareable};
use crate::telemetry::traces::text;

/// Maximum number of transactions that one request may have open at once.
const MAX_TRANSACTIONS: usize = 4;

/// Result of an interface function: a value, an error of the interface, or a trap.
type CallResult<T> = wasmtime::Result<Result<T, wit::Error>>;

/// Adds `edge:platform/sql` to the linker.
///
/// # Errors
/// Returns an error if the linker has the interface already.
pub fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    crate::bindings::sql::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}

impl State {
    /// Counts a host call, and returns the database with the operation started on it, and its
    /// deadline. Ending a transaction is not counted, so that a plugin without remaining calls can
    /// still commit or roll back.
    fn begin_statement(
        &mut self,
        operation: Operation,
    ) -> CallResult<(Arc<DatabaseAccess>, HostCall, Instant)> {
        ok_or_answer!(self.count_host_call());
        let deadline = self.call().store_deadline();
        let access = self.session()?.access.clone();
        let counting = self.begin_operation(operation, access.system());
        Ok(Ok((access, counting, deadline)))
    }

    /// Counts a host call, and returns the transaction with the operation started in it, and its
    /// deadline.
    fn begin_statement_in(
        &mut self,
        transaction: &Resource<OpenTransaction>,
        operation: Operation,
    ) -> CallResult<(&mut OpenTransaction, HostCall, Instant)> {
        ok_or_answer!(self.count_host_call());
        let deadline = self.call().store_deadline();
        let counting = self.begin_in_transaction(operation)?;
        let transaction = self.sql().0.get_mut(transaction)?;
        Ok(Ok((transaction, counting, deadline)))
    }

    /// Starts an operation in a transaction.
    fn begin_in_transaction(&mut self, operation: Operation) -> wasmtime::Result<HostCall> {
        let system = self.session()?.access.system();
        Ok(self.begin_operation(operation, system))
    }

    /// Ends a statement with this outcome, which is returned as the interface's, and names its span
    /// by the statement's summary.
    fn end_statement<T, A: From<T>>(
        &mut self,
        mut counting: HostCall,
        statement: &str,
        outcome: Result<T, Error>,
    ) -> CallResult<A> {
        if let Some(span) = counting.span() {
            let session = self.sql().1;
            let summary = session.and_then(|session| session.access.summary(statement));
            if let Some(summary) = summary {
                span.set_attributes([text("db.query.summary", summary.to_string())]);
                span.rename(summary.to_string());
            }
        }
        Ok(counting
            .with(outcome)
            .map(A::from)
            .map_err(wit::Error::from))
    }

    fn session(&mut self) -> wasmtime::Result<&mut SqlSession> {
        // Checked at load: a component that imports the interface without a grant is refused.
        self.sql()
            .1
            .ok_or_else(|| wasmtime::Error::msg("the plugin has no database grant"))
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

impl State {
    /// Runs a SELECT outside a transaction, and returns its rows as `F`.
    async fn run_query<F: Form>(
        &mut self,
        statement: &str,
        parameters: Vec<wit::Value>,
    ) -> CallResult<F> {
        let started = self.begin_statement(Operation::SqlQuery)?;
        let (access, counting, deadline) = ok_or_answer!(started);
        let terms = QueryTerms {
            ledger: self.call().ledger.clone(),
            may_be_stale: self.call().reads.may_be_stale(),
            deadline,
        };
        let rows = terms.ask(&access, statement, owned(parameters)).await;
        self.end_statement(counting, statement, rows)
    }

    /// Runs a SELECT in a transaction, and returns its rows as `F`.
    async fn run_query_in<F: Form>(
        &mut self,
        transaction: &Resource<OpenTransaction>,
        statement: &str,
        parameters: Vec<wit::Value>,
    ) -> CallResult<F> {
        let started = self.begin_statement_in(transaction, Operation::SqlQuery)?;
        let (transaction, counting, deadline) = ok_or_answer!(started);
        let querying = transaction.query(statement, owned(parameters), deadline);
        let rows = querying.await;
        self.end_statement(counting, statement, rows)
    }
}

/// Terms of one query outside of transactions.
struct QueryTerms {
    ledger: Arc<Ledger>,
    may_be_stale: bool,
    deadline: Instant,
}

impl QueryTerms {
    async fn ask<F: Form>(
        &self,
        access: &DatabaseAccess,
        statement: &str,
        parameters: Vec<Value>,
    ) -> Result<F, Error> {
        if self.may_be_stale {
            self.ledger.note_query(Err(Untracked::Replica));
            let querying = access.query_stale(statement, parameters, self.deadline);
            return querying.await;
        }
        if !self.ledger.is_watched() {
            return access.query(statement, parameters, self.deadline).await;
        }
        let querying = access.query_tracked(statement, parameters, self.deadline);
        noted(&self.ledger, querying.await)
    }
}

/// Notes the version of a result in the ledger, and returns the rows.
fn noted<F>(
    ledger: &Ledger,
    result: Result<(F, Result<ResultVersion, Untracked>), Error>,
) -> Result<F, Error> {
    match result {
        Ok((rows, version)) => {
            ledger.note_query(version);
            Ok(rows)
        }
        Err(error) => {
            ledger.note_unshareable(Unshareable::Used(Interface::Sql));
            Err(error)
        }
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

    async fn query_kept(
        &mut self,
        statement: String,
        parameters: Vec<wit::Value>,
        max_age_ms: u32,
    ) -> CallResult<Vec<u8>> {
        let started = self.begin_statement(Operation::SqlQuery)?;
        let (access, counting, deadline) = ok_or_answer!(started);
        let ledger = self.call().ledger.clone();
        let max_age = MaxAge {
            kept: Duration::from_millis(max_age_ms.into()),
            may_be_stale: self.call().reads.may_be_stale(),
        };
        let querying = access.query_kept(&statement, owned(parameters), max_age, deadline);
        let rows = noted(&ledger, querying.await);
        self.end_statement(counting, &statement, rows.map(PackedRows::into_bytes))
    }

    async fn execute(
        &mut self,
        statement: String,
        parameters: Vec<wit::Value>,
    ) -> CallResult<wit::Outcome> {
        let started = self.begin_statement(Operation::SqlExecute)?;
        let (access, counting, deadline) = ok_or_answer!(started);
        self.call().reads.write();
        let executing = access.execute(&statement, owned(parameters), deadline);
        let outcome = executing.await;
        self.end_statement(counting, &statement, outcome)
    }

    async fn begin(&mut self) -> CallResult<Resource<OpenTransaction>> {
        let started = self.begin_statement(Operation::SqlBegin)?;
        let (access, counting, deadline) = ok_or_answer!(started);
        if self.session()?.open_transactions == MAX_TRANSACTIONS {
            let most = format!("a request has at most {MAX_TRANSACTIONS} open transactions");
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
        let started = self.begin_statement_in(&transaction, Operation::SqlExecute)?;
        let (transaction, counting, deadline) = ok_or_answer!(started);
        let executing = transaction.execute(&statement, owned(parameters), deadline);
        let outcome = executing.await;
        self.end_statement(counting, &statement, outcome)
    }

    async fn commit(&mut self, transaction: Resource<OpenTransaction>) -> CallResult<()> {
        let counting = self.begin_in_transaction(Operation::SqlCommit)?;
        let (transaction, deadline) = self.take_transaction(transaction)?;
        let committed = counting.with(transaction.commit(deadline).await);
        Ok(committed.map_err(wit::Error::from))
    }

    async fn rollback(&mut self, transaction: Resource<OpenTransaction>) -> CallResult<()> {
        let counting = self.begin_in_transaction(Operation::SqlRollback)?;
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
