//! `shop:customers/customers`: what other services ask about customers.

use edge_sdk::sql;
use serde::Deserialize;

use crate::bindings::exports::shop::customers::customers::{Contact, Error};
use crate::stored;

/// Id, name and e-mail address of a customer, by id.
pub const ONE: &str = "SELECT customer_id, name, email FROM customer WHERE customer_id = ?";

/// A row of [`ONE`].
#[derive(Deserialize)]
struct Row {
    customer_id: i64,
    #[serde(deserialize_with = "stored::trimmed")]
    name: String,
    #[serde(deserialize_with = "stored::trimmed")]
    email: String,
}

/// How to address a customer; none for an unknown id. Name and address are empty
/// where an older shop knew none.
///
/// # Errors
/// When the database does not answer.
pub fn find(customer_id: i64) -> Result<Option<Contact>, Error> {
    let found: Option<Row> = sql::query(ONE)
        .bind(customer_id)
        .first()
        .map_err(|error| Error::Unavailable(error.to_string()))?;
    Ok(found.map(|row| Contact {
        customer_id: row.customer_id,
        name: row.name,
        email: row.email,
    }))
}
