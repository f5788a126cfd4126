//! The export of the component, `shop:orders/orders`: what other services ask of
//! orders.

use edge_sdk::sql::{self, column};
use serde::Deserialize;

use crate::bindings::exports::shop::orders::orders::{Error, Guest, Order, Status};
use crate::model::currency;
use crate::orders::reserved::reserved;
use crate::orders::{changes, grand_total, status};
use edge_sdk::money::Cents;

/// Selects an order that others may know of, by its id.
pub const FIND: &str = concat!(
    "SELECT order_id, customer_id, total_amount, shipping_cost, tax_amount, currency, \
     status, reference FROM orders WHERE order_id = ? AND ",
    reserved!(visible)
);

/// An order of an older shop that has no total, or a status or currency that
/// only that shop knew, can no longer be paid.
const UNPAYABLE: Error = Error::WrongStatus(Status::Cancelled);

/// The type that implements the exported interface.
#[derive(Debug)]
pub struct Exports;

edge_sdk::export_service!(Exports, crate::bindings);

impl Guest for Exports {
    fn find(order_id: i64, customer_id: i64) -> Result<Order, Error> {
        Row::find_for_customer(order_id, customer_id)?.order()
    }

    fn hold(order_id: i64, customer_id: i64) -> Result<Order, Error> {
        let held = changes::hold(order_id, customer_id).map_err(unavailable)?;
        let order = Row::find_for_customer(order_id, customer_id)?.order()?;
        if held {
            Ok(order)
        } else {
            Err(Error::WrongStatus(order.status))
        }
    }

    fn let_go(order_id: i64) -> Result<(), Error> {
        if changes::release_hold(order_id).map_err(unavailable)? {
            return Ok(());
        }
        Err(Error::WrongStatus(Row::find(order_id)?.status()?))
    }

    fn grand_total(order_id: i64, customer_id: i64) -> Result<u64, Error> {
        let row = Row::find_for_customer(order_id, customer_id)?;
        Ok(row.grand_total().ok_or(UNPAYABLE)?.0)
    }

    fn pay(order_id: i64, charge: String) -> Result<(), Error> {
        let amount = Row::find(order_id)?.only_amount();
        pay(order_id, &charge, amount)
    }

    fn pay_amount(order_id: i64, charge: String, amount: u64) -> Result<(), Error> {
        pay(order_id, &charge, Some(Cents(amount)))
    }

    fn refund(order_id: i64) -> Result<(), Error> {
        if changes::refund(order_id, "by payments").map_err(unavailable)? {
            return Ok(());
        }
        let order = Row::find(order_id)?;
        refunded_before(order.status()?, order.reference.as_deref())
    }
}

fn pay(order_id: i64, charge: &str, amount: Option<Cents>) -> Result<(), Error> {
    if changes::pay(order_id, charge, amount).map_err(unavailable)? {
        return Ok(());
    }
    let order = Row::find(order_id)?;
    paid_before(order.status()?, order.reference.as_deref(), charge)
}

/// Succeeds if an order that could not be paid is paid by this charge already.
fn paid_before(status: Status, reference: Option<&str>, charge: &str) -> Result<(), Error> {
    match status {
        Status::Paid | Status::Shipped | Status::Refunded if reference == Some(charge) => Ok(()),
        other => Err(Error::WrongStatus(other)),
    }
}

/// Succeeds if the charge of an order that could not be refunded was refunded
/// before. A cancelled order with a charge was cancelled after that.
fn refunded_before(status: Status, reference: Option<&str>) -> Result<(), Error> {
    match (status, reference) {
        (Status::Refunded, _) | (Status::Cancelled, Some(_)) => Ok(()),
        (other, _) => Err(Error::WrongStatus(other)),
    }
}

impl From<status::Status> for Status {
    fn from(status: status::Status) -> Self {
        match status {
            status::Status::New => Self::New,
            status::Status::Paid => Self::Paid,
            status::Status::Cancelled => Self::Cancelled,
            status::Status::Shipped => Self::Shipped,
            status::Status::Refunded => Self::Refunded,
        }
    }
}

/// A row of [`FIND`].
#[derive(Deserialize)]
struct Row {
    order_id: i64,
    #[serde(deserialize_with = "column::optional_integer")]
    customer_id: Option<i64>,
    #[serde(deserialize_with = "column::optional_money")]
    total_amount: Option<Cents>,
    #[serde(deserialize_with = "column::money_or_zero")]
    shipping_cost: Cents,
    #[serde(deserialize_with = "column::money_or_zero")]
    tax_amount: Cents,
    #[serde(deserialize_with = "currency")]
    currency: Option<String>,
    #[serde(deserialize_with = "column::optional_integer")]
    status: Option<i64>,
    #[serde(deserialize_with = "column::optional_text")]
    reference: Option<String>,
}

impl Row {
    fn find(order_id: i64) -> Result<Self, Error> {
        let query = sql::query(FIND).bind(order_id);
        let found = query.readable_first("orders", "order_id");
        found.map_err(unavailable)?.ok_or(Error::NotFound)
    }

    fn find_for_customer(order_id: i64, customer_id: i64) -> Result<Self, Error> {
        let row = Self::find(order_id)?;
        if row.customer_id == Some(customer_id) {
            Ok(row)
        } else {
            Err(Error::NotFound)
        }
    }

    fn grand_total(&self) -> Option<Cents> {
        let total_amount = self.total_amount?;
        Some(grand_total(
            total_amount,
            self.shipping_cost,
            self.tax_amount,
        ))
    }

    /// Returns what a charge for this order was made for, if there is but one
    /// amount: nothing comes on top of the goods.
    fn only_amount(&self) -> Option<Cents> {
        self.total_amount
            .filter(|_| self.grand_total() == self.total_amount)
    }

    fn status(&self) -> Result<Status, Error> {
        let unknown = || unavailable("an order has no status");
        let status = status::from_number(self.status.ok_or_else(unknown)?);
        status.map(Status::from).map_err(unavailable)
    }

    fn order(self) -> Result<Order, Error> {
        Ok(Order {
            order_id: self.order_id,
            customer_id: self.customer_id.ok_or(Error::NotFound)?,
            amount: self.total_amount.ok_or(UNPAYABLE)?.0,
            status: self.status().map_err(|_| UNPAYABLE)?,
            currency: self.currency.ok_or(UNPAYABLE)?,
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
        // Its charge was refunded: it does not pay for the order.
        let cancelled = paid_before(Status::Cancelled, Some("ch_1"), "ch_1");
        assert_eq!(cancelled, Err(Error::WrongStatus(Status::Cancelled)));
    }

    /// A payment release that does not tell the amount may have charged either.
    #[test]
    fn an_amount_that_is_not_told_is_known_where_there_is_but_one() {
        let row = |total_amount: Option<u64>, shipping_cost, tax_amount| Row {
            order_id: 7,
            customer_id: Some(9),
            total_amount: total_amount.map(Cents),
            shipping_cost: Cents(shipping_cost),
            tax_amount: Cents(tax_amount),
            currency: Some("usd".to_owned()),
            status: Some(0),
            reference: None,
        };
        assert_eq!(row(Some(1490), 0, 0).only_amount(), Some(Cents(1490)));
        assert_eq!(row(Some(1490), 495, 0).only_amount(), None);
        assert_eq!(row(Some(1490), 0, 123).only_amount(), None);
        assert_eq!(row(None, 0, 0).only_amount(), None);
    }

    #[test]
    fn what_only_an_older_shop_knew_is_not_to_be_paid() {
        let row = |total_amount: Option<u64>, status| Row {
            order_id: 7,
            customer_id: Some(9),
            total_amount: total_amount.map(Cents),
            shipping_cost: Cents(0),
            tax_amount: Cents(0),
            currency: Some("usd".to_owned()),
            status,
            reference: None,
        };
        assert!(row(Some(1490), Some(0)).order().is_ok());
        let without_currency = Row {
            currency: None,
            ..row(Some(1490), Some(0))
        };
        for odd in [
            without_currency,
            row(None, Some(0)),
            row(Some(1490), Some(9)),
            row(Some(1490), None),
        ] {
            assert_eq!(odd.order(), Err(UNPAYABLE));
        }
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
