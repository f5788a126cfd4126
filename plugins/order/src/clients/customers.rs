//! Calls of the customer service.

use crate::bindings::shop::customers::customers as service;

pub(crate) use service::{Contact, Error};

/// Returns how to address a customer, if the service knows the id.
pub(crate) fn find(customer_id: i64) -> Result<Option<Contact>, Error> {
    service::find(customer_id)
}
