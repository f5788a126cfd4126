//! Calls of the customer service.

use crate::bindings::shop::customers::names as service;

pub(crate) use service::Error;

/// Returns the names of the customers that the service knows, with their ids.
pub(crate) fn names(customer_ids: &[i64]) -> Result<Vec<(i64, String)>, Error> {
    service::find(customer_ids)
}
