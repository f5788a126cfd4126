//! Deleting rows whose time has passed: some at a time, so that nobody waits
//! for long, and yet faster than clients make them.

use std::time::Duration;

use edge_sdk::sql::{self, Error, Seconds, Timestamp};

/// Most batches that one run deletes.
const BATCHES: u32 = 20;

/// The statements that find and delete old rows of a table.
pub(crate) struct Statements {
    /// Selects the time of the last row of a batch of old rows, if there are
    /// enough to fill one; takes the age in seconds.
    pub(crate) find: &'static str,
    /// Deletes the old rows of a batch; takes the time of the last one.
    pub(crate) until: &'static str,
    /// Deletes all old rows; takes the age in seconds.
    pub(crate) rest: &'static str,
}

/// Deletes rows that are older than this by the database's clock.
///
/// # Errors
/// Those of the database.
pub(crate) fn delete(statements: &Statements, age: Duration) -> Result<(), Error> {
    for _ in 0..BATCHES {
        let last: Option<String> = sql::query(statements.find)
            .bind(Seconds(age))
            .fetch_optional()?;
        let Some(last) = last else {
            sql::query(statements.rest).bind(Seconds(age)).execute()?;
            break;
        };
        let until = Timestamp(last.as_str());
        sql::query(statements.until).bind(until).execute()?;
    }
    Ok(())
}
