//! Several statements that hold together.

use super::{Error, Query};
use crate::bindings::edge::platform::sql as host;

/// An open transaction, lent to the work of [`transaction`].
#[derive(Debug)]
pub struct Transaction(host::Transaction);

impl Transaction {
    /// Returns a statement in this transaction.
    pub fn query<'a>(&'a self, text: &'a str) -> Query<'a> {
        Query::new(text, Some(&self.0))
    }
}

/// Runs the work in a transaction: commits when it returns `Ok`, rolls back
/// when it returns `Err`, traps or passes the deadline.
///
/// # Errors
/// Errors of the work, of beginning and of committing.
pub fn transaction<T, E: From<Error>>(
    work: impl FnOnce(&Transaction) -> Result<T, E>,
) -> Result<T, E> {
    let transaction = Transaction(host::begin().map_err(Error::from)?);
    match work(&transaction) {
        Ok(value) => {
            host::Transaction::commit(transaction.0).map_err(Error::from)?;
            Ok(value)
        }
        Err(error) => {
            // Whatever stops the rollback, the host never keeps changes without a commit.
            let _ = host::Transaction::rollback(transaction.0);
            Err(error)
        }
    }
}
