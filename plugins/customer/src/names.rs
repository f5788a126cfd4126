//! `shop:customers/names`: the names of customers, and nothing else of them.

use edge_sdk::sql;
use serde::Deserialize;

use crate::bindings::exports::shop::customers::names::Error;
use crate::stored;

/// Ids of one call.
pub const MAX_IDS: usize = 100;

/// Returns the statement for id and name of customers, by [`MAX_IDS`] ids. A
/// row of an older shop may have any name: of a long one, only the beginning
/// is read.
#[must_use]
pub fn by_ids_text() -> String {
    format!(
        "SELECT customer_id, SUBSTR(name, 1, 50) AS name FROM customer WHERE customer_id IN ({})",
        ["?"; MAX_IDS].join(", ")
    )
}

/// A row of [`by_ids_text`].
#[derive(Deserialize)]
struct Row {
    customer_id: i64,
    #[serde(deserialize_with = "stored::trimmed")]
    name: String,
}

/// Returns the names of the customers that exist and have one, with their ids.
///
/// # Errors
/// When there are too many ids, or the database does not answer.
pub fn find(customer_ids: &[i64]) -> Result<Vec<(i64, String)>, Error> {
    let Some(last) = customer_ids.last() else {
        return Ok(Vec::new());
    };
    if customer_ids.len() > MAX_IDS {
        return Err(Error::TooMany);
    }
    // One text for any number of ids stays prepared: the last id is repeated.
    let ids = customer_ids.iter().chain(std::iter::repeat(last));
    let text = by_ids_text();
    let query = ids
        .take(MAX_IDS)
        .fold(sql::query(&text), |query, id| query.bind(*id));
    let rows: Vec<Row> = query
        .rows()
        .map_err(|error| Error::Unavailable(error.to_string()))?;
    let named = rows.into_iter().filter(|row| !row.name.is_empty());
    Ok(named.map(|row| (row.customer_id, row.name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_a_hundred_ids_at_most() {
        let ids: Vec<_> = (1..=101).collect();
        assert!(matches!(find(&ids), Err(Error::TooMany)));
        assert_eq!(find(&[]).ok(), Some(Vec::new()));
    }

    #[test]
    fn no_statement_reads_an_email_address() {
        assert!(!by_ids_text().contains("email"));
    }
}
