//! `shop:customers/customers`: what other services ask about customers.

use edge_sdk::sql;

use crate::bindings::exports::shop::customers::customers::{Contact, Error};

/// Id, name and e-mail address of a customer, by id.
pub const ONE: &str = "SELECT customer_id, name, email FROM customer WHERE customer_id = ?";

/// How to address a customer; none for an unknown id.
///
/// # Errors
/// When the database does not answer.
pub fn find(customer_id: i64) -> Result<Option<Contact>, Error> {
    let found: Option<(i64, String, String)> = sql::query(ONE)
        .bind(customer_id)
        .first()
        .map_err(|error| Error::Unavailable(error.to_string()))?;
    Ok(found.map(|(customer_id, name, email)| Contact {
        customer_id,
        name,
        email,
    }))
}
