//! Filling the catalog: the written starter catalog for a new shop, or any
//! number of generated products for tests of scale; then the search index,
//! also of products that were here before.

mod catalog;
mod error;
mod generator;
mod growth;
mod rows;
mod starter;
mod tables;

use edge_sdk::{sql, wit::Progress};

use crate::{products, search::index};
use error::Error;

/// Selects 1 if any of the tables that the starter catalog fills has a row.
pub const ANY_ROW: &str = "SELECT 1 FROM product UNION ALL SELECT 1 FROM department \
     UNION ALL SELECT 1 FROM category UNION ALL SELECT 1 FROM attribute \
     UNION ALL SELECT 1 FROM attribute_value LIMIT 1";

/// Makes one step: the starter catalog, some generated products, or some products
/// taken into the search index, in this order.
///
/// # Errors
/// Why it failed; nothing of the step is kept then.
pub fn step(goal: Option<u64>) -> Result<Progress, String> {
    advance(goal).map_err(|error| error.to_string())
}

fn advance(goal: Option<u64>) -> Result<Progress, Error> {
    if sql::query(ANY_ROW).fetch_optional::<i64>()?.is_none() {
        starter::store()?;
        return progress(goal);
    }
    let missing = goal
        .unwrap_or_default()
        .saturating_sub(count(products::COUNT)?);
    if missing > 0 {
        growth::store(missing)?;
        return progress(goal);
    }
    match index::extend()? {
        index::BATCH => progress(goal),
        // The last batch, even if rows that were deleted behind our back leave the counts uneven.
        _ => progress(goal).map(|Progress { total, .. }| Progress { done: total, total }),
    }
}

/// Returns the progress. Every product counts twice: when it is stored and when it
/// is in the index.
fn progress(goal: Option<u64>) -> Result<Progress, Error> {
    let stored = count(products::COUNT)?;
    let indexed = count(index::COUNT)?;
    let total = 2 * stored.max(goal.unwrap_or_default());
    // Whether all is done shows only when the index finds nothing to add.
    Ok(Progress {
        done: (stored + indexed).min(total.saturating_sub(1)),
        total,
    })
}

fn count(text: &str) -> Result<u64, sql::Error> {
    sql::query(text).fetch_one()
}
