//! Deleting rows whose time has passed: some at a time, so that nobody waits
//! for long, and yet faster than clients make them.

use std::time::Duration;

use edge_sdk::clock;
use edge_sdk::sql::{self, Error, Timestamp};

/// How often some are deleted in one run.
const BATCHES: u32 = 20;

/// Deletes rows that are older than this. `find` is the statement for the time
/// of the last row of a batch from before some time, if there are so many;
/// `delete` deletes the rows until some time.
///
/// # Errors
/// Those of the database.
pub(crate) fn delete(find: &str, delete: &str, age: Duration) -> Result<(), Error> {
    let end = clock::ago(age);
    for _ in 0..BATCHES {
        let last: Option<String> = sql::query(find).bind(Timestamp(end.as_str())).first()?;
        let until = last.as_deref().unwrap_or(&end);
        sql::query(delete).bind(Timestamp(until)).execute()?;
        if last.is_none() {
            break;
        }
    }
    Ok(())
}
