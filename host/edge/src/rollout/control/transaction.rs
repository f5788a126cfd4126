//! Transactions on the control database.

use std::time::Instant;

use stores::sql::{Error, OpenTransaction, Outcome, Rows, Value};

use super::row::Row;
use super::{Control, ControlError, Result, STATEMENT_TIMEOUT, Trouble};

/// An open transaction on the control database, rolled back on drop unless it was committed.
pub(super) struct Transaction<'a> {
    control: &'a Control,
    open: OpenTransaction,
}

impl Control {
    pub(super) async fn begin(&self) -> Result<Transaction<'_>> {
        let open = self.database.begin(deadline()).await.map_err(failed)?;
        Ok(Transaction {
            control: self,
            open,
        })
    }
}

impl Transaction<'_> {
    pub(super) async fn execute(&mut self, text: &str, values: Vec<Value>) -> Result<Outcome> {
        let changed = self.try_execute(text, values).await?;
        changed.ok_or_else(|| ControlError::Unreadable("a row is there twice".to_owned()))
    }

    /// Executes a statement. Returns `None` if a unique key refuses the change; the transaction
    /// stays usable.
    pub(super) async fn try_execute(
        &mut self,
        text: &str,
        values: Vec<Value>,
    ) -> Result<Option<Outcome>> {
        self.control.count_statement();
        let text = self.control.database.with_clock(text);
        match self.open.execute(&text, values, deadline()).await {
            Ok(outcome) => Ok(Some(outcome)),
            Err(Error::Conflict(_)) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// Returns the integer in the first column of the first row that a query finds.
    pub(super) async fn count(&mut self, text: &str, values: Vec<Value>) -> Result<i64> {
        self.control.count_statement();
        let found: Result<Rows> = self
            .open
            .query(text, values, deadline())
            .await
            .map_err(failed);
        let row = found?.rows.into_iter().next().map(Row::new);
        let none = || ControlError::Unreadable("a count has no row".to_owned());
        row.ok_or_else(none)?.integer()
    }

    pub(super) async fn commit(self) -> Result<()> {
        self.open.commit(deadline()).await.map_err(failed)
    }

    pub(super) async fn rollback(self) -> Result<()> {
        self.open.rollback(deadline()).await.map_err(failed)
    }
}

fn deadline() -> Instant {
    Instant::now() + STATEMENT_TIMEOUT
}

fn failed(error: Error) -> ControlError {
    ControlError::Statement(Trouble(error))
}
