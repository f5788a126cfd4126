//! The rows that a change is about: holding them, and requiring that there are
//! any.

use edge_sdk::sql::{Error, Outcome, Transaction};
use edge_sdk::{Failure, Result};

/// A row that others refer to.
pub(super) struct Reference {
    /// The statement that holds the row, by its id.
    pub(super) hold: &'static str,
    /// The refusal of an id that no row has.
    pub(super) unknown: Failure,
}

impl Reference {
    /// Holds the row of an id until the transaction ends, by an update that
    /// changes nothing.
    ///
    /// # Errors
    /// The refusal if there is no such row, or those of the database.
    pub(super) fn hold(self, transaction: &Transaction, id: i64) -> Result<()> {
        require_row(
            transaction.query(self.hold).bind(id).execute()?,
            self.unknown,
        )
    }
}

/// Refuses if a statement found no row.
///
/// # Errors
/// The given refusal.
pub(super) fn require_row(outcome: Outcome, otherwise: Failure) -> Result<()> {
    match outcome.rows_affected {
        0 => Err(otherwise),
        _ => Ok(()),
    }
}

/// Returns the id of the row that a statement inserted.
///
/// # Errors
/// [`Error::Decode`] for an id past the range.
pub(super) fn new_id(outcome: Outcome) -> Result<i64, Error> {
    let id = i64::try_from(outcome.last_insert_id);
    id.map_err(|error| Error::Decode(error.to_string()))
}
