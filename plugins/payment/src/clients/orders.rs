//! Calls of the order service.

use edge_sdk::Failure;

use crate::bindings::shop::orders::orders as service;

pub(crate) use service::{Error, Order, Status};

const NOT_FOUND: Failure = Failure::new(404, "ORD_01", "Don't exist order with this ID.");
const UNAVAILABLE: Failure = Failure::new(
    503,
    "HTTP_503",
    "Orders are not available. Please try again.",
);

/// Refusal of an order that was paid before.
pub const PAID: Failure = Failure::new(409, "PAY_03", "The order is already paid.");

/// Refusal of an order that was cancelled or refunded.
pub const CLOSED: Failure = Failure::new(409, "PAY_06", "The order can no longer be paid.");

/// Returns a customer's order.
pub(crate) fn find(order_id: i64, customer_id: i64) -> Result<Order, Failure> {
    service::find(order_id, customer_id).map_err(failure)
}

/// Keeps the order from being cancelled until [`pay`] or [`release_hold`].
pub(crate) fn hold(order_id: i64, customer_id: i64) -> Result<Order, Error> {
    service::hold(order_id, customer_id)
}

/// Ends the hold of an order that no charge came of.
pub(crate) fn release_hold(order_id: i64) -> Result<(), Error> {
    service::let_go(order_id)
}

/// Returns the price of a customer's order with shipping and tax, in cents.
pub(crate) fn grand_total(order_id: i64, customer_id: i64) -> Result<u64, Failure> {
    service::grand_total(order_id, customer_id).map_err(failure)
}

/// Reports that the order is paid by this charge, over an amount in cents.
pub(crate) fn pay(order_id: i64, charge_id: &str, amount: u64) -> Result<(), Error> {
    service::pay_amount(order_id, charge_id, amount)
}

/// Reports that the order's charge was refunded.
pub(crate) fn refund(order_id: i64) -> Result<(), Error> {
    service::refund(order_id)
}

/// Refuses an order whose status does not let it be paid.
///
/// # Errors
/// `PAY_03` for an order that is paid, `PAY_06` for one that never will be.
pub(crate) fn payable(status: Status) -> Result<(), Failure> {
    match status {
        Status::New => Ok(()),
        Status::Paid | Status::Shipped => Err(PAID),
        Status::Cancelled | Status::Refunded => Err(CLOSED),
    }
}

/// Returns what the client sees of the order service's refusal.
pub(crate) fn failure(error: Error) -> Failure {
    match error {
        Error::NotFound => NOT_FOUND,
        Error::WrongStatus(status) => payable(status).err().unwrap_or(CLOSED),
        Error::Unavailable(why) => unavailable(&why),
    }
}

/// Returns the 503 of an order service that cannot be asked, and logs the reason.
pub(crate) fn unavailable(why: &str) -> Failure {
    eprintln!("orders: {why}");
    UNAVAILABLE.header("retry-after", "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_new_orders_are_paid() {
        let code = |status| payable(status).map_err(|failure| failure.code().to_owned());
        assert_eq!(code(Status::New), Ok(()));
        for status in [Status::Paid, Status::Shipped] {
            assert_eq!(code(status), Err("PAY_03".to_owned()));
        }
        for status in [Status::Cancelled, Status::Refunded] {
            assert_eq!(code(status), Err("PAY_06".to_owned()));
        }
    }

    #[test]
    fn refusals_of_the_order_service_have_their_statuses() {
        let seen = |error| failure(error).status();
        assert_eq!(seen(Error::NotFound), 404);
        assert_eq!(seen(Error::WrongStatus(Status::Paid)), 409);
        assert_eq!(seen(Error::WrongStatus(Status::Cancelled)), 409);
        assert_eq!(seen(Error::Unavailable("down".to_owned())), 503);
    }
}
