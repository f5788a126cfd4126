//! The exports of the component: `shop:customers/customers`, which tells names
//! and addresses, and `shop:customers/names`, which tells nothing but names.

use edge_sdk::sql;
use serde::Deserialize;

use crate::bindings::exports::shop::customers::{customers, names};
use crate::stored;

/// Selects the contact of a customer, by id.
pub const CONTACT: &str = "SELECT customer_id, name, email FROM customer WHERE customer_id = ?";

/// Most ids of one call for names.
pub const MAX_IDS: usize = 100;

/// The type that implements the exported interfaces.
#[derive(Debug)]
pub struct Exports;

edge_sdk::export_service!(Exports, crate::bindings);

impl customers::Guest for Exports {
    fn find(customer_id: i64) -> Result<Option<customers::Contact>, customers::Error> {
        let found = find_contact(customer_id);
        found.map_err(|error| customers::Error::Unavailable(error.to_string()))
    }
}

impl names::Guest for Exports {
    fn find(customer_ids: Vec<i64>) -> Result<Vec<(i64, String)>, names::Error> {
        if customer_ids.len() > MAX_IDS {
            return Err(names::Error::TooMany);
        }
        let found = find_names(&customer_ids);
        found.map_err(|error| names::Error::Unavailable(error.to_string()))
    }
}

/// Returns how to address a customer, if the id is known. Name and address are
/// empty where an older shop knew none.
fn find_contact(customer_id: i64) -> Result<Option<customers::Contact>, sql::Error> {
    /// A row of [`CONTACT`].
    #[derive(Deserialize)]
    struct Row {
        customer_id: i64,
        #[serde(deserialize_with = "stored::trimmed")]
        name: String,
        #[serde(deserialize_with = "stored::trimmed")]
        email: String,
    }
    let found: Option<Row> = sql::query(CONTACT).bind(customer_id).fetch_optional()?;
    Ok(found.map(|row| customers::Contact {
        customer_id: row.customer_id,
        name: row.name,
        email: row.email,
    }))
}

/// Returns the statement that selects id and name of customers, by [`MAX_IDS`]
/// ids. A row of an older shop may have any name: of a long one, only the
/// beginning is read.
#[must_use]
pub fn names_text() -> String {
    format!(
        "SELECT customer_id, SUBSTR(name, 1, 50) AS name FROM customer WHERE customer_id IN ({})",
        ["?"; MAX_IDS].join(", ")
    )
}

/// Returns the names of the customers that exist and have one, with their ids.
fn find_names(customer_ids: &[i64]) -> Result<Vec<(i64, String)>, sql::Error> {
    /// A row of [`names_text`].
    #[derive(Deserialize)]
    struct Row {
        customer_id: i64,
        #[serde(deserialize_with = "stored::trimmed")]
        name: String,
    }
    let Some(last) = customer_ids.last() else {
        return Ok(Vec::new());
    };
    // One text for any number of ids stays prepared: the last id is repeated.
    let ids = customer_ids.iter().chain(std::iter::repeat(last));
    let text = names_text();
    let query = ids
        .take(MAX_IDS)
        .fold(sql::query(&text), |query, id| query.bind(*id));
    let rows: Vec<Row> = query.fetch_all()?;
    let named = rows.into_iter().filter(|row| !row.name.is_empty());
    Ok(named.map(|row| (row.customer_id, row.name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use names::Guest as _;

    #[test]
    fn a_call_has_a_hundred_ids_at_most() {
        let ids: Vec<_> = (1..=101).collect();
        assert!(matches!(Exports::find(ids), Err(names::Error::TooMany)));
        assert_eq!(Exports::find(Vec::new()).ok(), Some(Vec::new()));
    }

    #[test]
    fn no_statement_of_names_reads_an_email_address() {
        assert!(!names_text().contains("email"));
    }
}
