//! Calls of the payment service.

use crate::bindings::shop::payments::payments as service;

pub(crate) use service::Error;

/// Has the charge of an order refunded, once however often that is asked.
pub(crate) fn refund(order_id: i64) -> Result<(), Error> {
    service::refund(order_id)
}
