//! Several statements that hold together.

use super::{Error, Query};
use crate::bindings::edge::platform::sql as host;

/// An open transaction, lent to the work of [`transaction`].
#[derive(Debug)]
pub struct Transaction {
    pub(super) open: host::Transaction,
}

impl Transaction {
    /// Returns a statement in this transaction.
    pub fn query<'a>(&'a self, text: &'a str) -> Query<'a> {
        Query::new(text, Some(self))
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
    let open = host::begin().map_err(Error::from)?;
    let transaction = Transaction { open };
    match work(&transaction) {
        Ok(value) => {
            host::Transaction::commit(transaction.open).map_err(Error::from)?;
            Ok(value)
        }
        Err(error) => {
            // Whatever stops the rollback, the host never keeps changes without a commit.
            let _ = host::Transaction::rollback(transaction.open);
            Err(error)
        }
    }
}
