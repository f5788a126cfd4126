//! What other services ask of orders: the exported `shop:orders/orders`.

use edge_sdk::sql;
use serde::Deserialize;

use crate::bindings::exports::shop::orders::orders::{Error, Guest, Order, Status};
use crate::orders::{changes, grand_total, status};
use edge_sdk::money::Cents;

/// An order that others may know of, by its id.
pub const FIND: &str = "SELECT order_id, customer_id, total_amount, shipping_cost, tax_amount, currency, \
     status, reference FROM orders WHERE order_id = ? AND reserved IN (1, 2, 3)";

/// The component's export.
#[derive(Debug)]
pub struct Service;

#[cfg(target_family = "wasm")]
#[allow(unsafe_code, reason = "the exports of the component's ABI")]
const _: () = {
    crate::bindings::export_orders!(Service with_types_in crate::bindings);
};

impl Guest for Service {
    fn find(order_id: i64, customer_id: i64) -> Result<Order, Error> {
        Row::of_customer(order_id, customer_id)?.order()
    }

    fn hold(order_id: i64, customer_id: i64) -> Result<Order, Error> {
        let held = changes::hold(order_id, customer_id).map_err(unavailable)?;
        let order = Row::of_customer(order_id, customer_id)?.order()?;
        if held {
            Ok(order)
        } else {
            Err(Error::WrongStatus(order.status))
        }
    }

    fn let_go(order_id: i64) -> Result<(), Error> {
        if changes::let_go(order_id).map_err(unavailable)? {
            return Ok(());
        }
        Err(Error::WrongStatus(Row::find(order_id)?.status()?))
    }

    fn grand_total(order_id: i64, customer_id: i64) -> Result<u64, Error> {
        Ok(Row::of_customer(order_id, customer_id)?.grand_total().0)
    }

    fn pay(order_id: i64, charge: String) -> Result<(), Error> {
        let amount = Row::find(order_id)?.total_amount;
        pay(order_id, &charge, amount)
    }

    fn pay_amount(order_id: i64, charge: String, amount: u64) -> Result<(), Error> {
        pay(order_id, &charge, Cents(amount))
    }

    fn refund(order_id: i64) -> Result<(), Error> {
        if changes::refund(order_id, "by payments").map_err(unavailable)? {
            return Ok(());
        }
        let order = Row::find(order_id)?;
        refunded_before(order.status()?, order.reference.as_deref())
    }
}

fn pay(order_id: i64, charge: &str, amount: Cents) -> Result<(), Error> {
    if changes::pay(order_id, charge, amount).map_err(unavailable)? {
        return Ok(());
    }
    let order = Row::find(order_id)?;
    paid_before(order.status()?, order.reference.as_deref(), charge)
}

/// Whether an order that could not be paid is paid by this charge already.
fn paid_before(status: Status, reference: Option<&str>, charge: &str) -> Result<(), Error> {
    match status {
        Status::Paid | Status::Shipped | Status::Refunded if reference == Some(charge) => Ok(()),
        other => Err(Error::WrongStatus(other)),
    }
}

/// Whether the charge of an order that could not be refunded was given back
/// before. A cancelled order with a charge was cancelled after that.
fn refunded_before(status: Status, reference: Option<&str>) -> Result<(), Error> {
    match (status, reference) {
        (Status::Refunded, _) | (Status::Cancelled, Some(_)) => Ok(()),
        (other, _) => Err(Error::WrongStatus(other)),
    }
}

/// A row of [`FIND`].
#[derive(Deserialize)]
struct Row {
    order_id: i64,
    customer_id: Option<i64>,
    total_amount: Cents,
    shipping_cost: Cents,
    tax_amount: Cents,
    currency: String,
    status: i64,
    reference: Option<String>,
}

impl Row {
    fn find(order_id: i64) -> Result<Self, Error> {
        let found = sql::query(FIND).bind(order_id).first();
        found.map_err(unavailable)?.ok_or(Error::NotFound)
    }

    fn of_customer(order_id: i64, customer_id: i64) -> Result<Self, Error> {
        let row = Self::find(order_id)?;
        if row.customer_id == Some(customer_id) {
            Ok(row)
        } else {
            Err(Error::NotFound)
        }
    }

    fn grand_total(&self) -> Cents {
        grand_total(self.total_amount, self.shipping_cost, self.tax_amount)
    }

    fn status(&self) -> Result<Status, Error> {
        status::of(self.status).map_err(unavailable)
    }

    fn order(self) -> Result<Order, Error> {
        Ok(Order {
            order_id: self.order_id,
            customer_id: self.customer_id.ok_or(Error::NotFound)?,
            amount: self.total_amount.0,
            status: self.status()?,
            currency: self.currency,
        })
    }
}

fn unavailable(why: impl std::fmt::Display) -> Error {
    eprintln!("orders: {why}");
    Error::Unavailable("the order could not be read or changed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paying_twice_with_one_charge_is_paying_once() {
        for status in [Status::Paid, Status::Shipped, Status::Refunded] {
            assert_eq!(paid_before(status, Some("ch_1"), "ch_1"), Ok(()));
            let other = paid_before(status, Some("ch_1"), "ch_2");
            assert_eq!(other, Err(Error::WrongStatus(status)));
        }
        let cancelled = paid_before(Status::Cancelled, None, "ch_1");
        assert_eq!(cancelled, Err(Error::WrongStatus(Status::Cancelled)));
        // Its charge was given back: it does not pay for the order.
        let cancelled = paid_before(Status::Cancelled, Some("ch_1"), "ch_1");
        assert_eq!(cancelled, Err(Error::WrongStatus(Status::Cancelled)));
    }

    #[test]
    fn refunding_twice_is_refunding_once() {
        assert_eq!(refunded_before(Status::Refunded, Some("ch_1")), Ok(()));
        assert_eq!(refunded_before(Status::Cancelled, Some("ch_1")), Ok(()));
        for status in [Status::New, Status::Cancelled] {
            let expected = Err(Error::WrongStatus(status));
            assert_eq!(refunded_before(status, None), expected);
        }
    }
}
