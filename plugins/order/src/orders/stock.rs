//! An order's stock: taken from the catalog after the order is stored, and put
//! back when nothing comes of the order.
//!
//! The column `reserved` says how far that is. Whatever is cut off half-way,
//! the schedule finishes: an order that was only [`Stock::Asked`] for too long
//! is withdrawn, and what is [`Stock::Returning`] or [`Stock::Withdrawn`] is
//! asked of the catalog until it has happened.

use edge_sdk::{Failure, Result, sql};
use serde::Deserialize;

use super::draft::stock_lines;
use super::placed;
use crate::bindings::shop::catalog::catalog as service;
use crate::cart::Ordered;
use crate::catalog::unavailable;

/// A product is out of stock.
pub const SOLD_OUT: Failure = Failure::new(409, "ORD_03", "A product is out of stock.");

/// Lines of an order that is made here: as many as a cart has.
const MOST_LINES: i64 = 100;

const TRY_AGAIN: Failure = Failure::new(
    503,
    "HTTP_503",
    "The order could not be completed. Please try again.",
);

/// What became of an order's stock, as the column `reserved` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub enum Stock {
    /// It is to be taken. Customers do not see the order yet.
    Asked,
    /// It is taken.
    Held,
    /// None is taken: nobody counts it, or it was put back.
    None,
    /// It is to be put back.
    Returning,
    /// It was never got. The order is to be deleted; customers do not see it.
    Withdrawn,
}

/// The column's number has no meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an order has its stock in the unknown state {0}")]
pub struct Unknown(i64);

impl TryFrom<i64> for Stock {
    type Error = Unknown;

    fn try_from(number: i64) -> Result<Self, Unknown> {
        match number {
            0 => Ok(Self::Asked),
            1 => Ok(Self::Held),
            2 => Ok(Self::None),
            3 => Ok(Self::Returning),
            4 => Ok(Self::Withdrawn),
            _ => Err(Unknown(number)),
        }
    }
}

impl From<Stock> for sql::Value {
    fn from(stock: Stock) -> Self {
        Self::Integer(match stock {
            Stock::Asked => 0,
            Stock::Held => 1,
            Stock::None => 2,
            Stock::Returning => 3,
            Stock::Withdrawn => 4,
        })
    }
}

/// The stock is taken.
pub const HOLD: &str = "UPDATE orders SET reserved = 1 WHERE order_id = ? AND reserved = 0";

/// The stock was not to be had: the cart may be ordered anew.
pub const WITHDRAW: &str = "UPDATE orders SET reserved = 4, status = 2, cart_generation = NULL \
     WHERE order_id = ? AND reserved = 0";

/// The stock was put back.
pub const RETURNED: &str = "UPDATE orders SET reserved = 2 WHERE order_id = ? AND reserved = 3";

/// Delete a withdrawn order.
pub const DELETE: &str = "DELETE FROM orders WHERE order_id = ? AND reserved = 4";

/// Delete the lines of an order.
pub const DELETE_LINES: &str = "DELETE FROM order_detail WHERE order_id = ?";

/// How far an order's stock is, by the order's id.
pub const STATE: &str = "SELECT reserved FROM orders WHERE order_id = ?";

/// Take the stock of an order that asked for it. Asking again is asking once.
///
/// # Errors
/// [`SOLD_OUT`], and then the order is gone; 503 while the catalog is not
/// available, and then the same may be tried again.
pub fn take(order_id: i64, ordered: &[Ordered]) -> Result<()> {
    let pieces = ordered.iter().map(|one| (one.product_id, one.quantity));
    match service::reserve(&reservation(order_id), &stock_lines(pieces)) {
        Ok(()) => held(order_id),
        Err(service::ReserveError::SoldOut(product_id)) => sold_out(order_id, product_id),
        Err(service::ReserveError::Released) => {
            // Somebody else gave up meanwhile.
            withdraw(order_id)?;
            Err(TRY_AGAIN.header("retry-after", "1"))
        }
        Err(service::ReserveError::Unavailable(why)) => Err(unavailable(&why)),
    }
}

fn held(order_id: i64) -> Result<()> {
    let changed = sql::query(HOLD).bind(order_id).execute()?.rows_affected;
    if changed == 1 {
        placed::count();
        return Ok(());
    }
    if is_held(order_id)? {
        return Ok(());
    }
    // Withdrawn meanwhile: whoever did that puts the stock back.
    Err(TRY_AGAIN.header("retry-after", "1"))
}

fn sold_out(order_id: i64, product_id: i64) -> Result<()> {
    if !withdraw(order_id)? && is_held(order_id)? {
        // Another request for the same order got it.
        return Ok(());
    }
    let name = name(order_id, product_id)?;
    if let Err(why) = close(order_id, Stock::Withdrawn) {
        // The schedule goes on with it.
        eprintln!("order {order_id} stays withdrawn: {why}");
    }
    match name {
        Some(name) => Err(SOLD_OUT.with_message(format!("{name} is out of stock."))),
        None => Err(SOLD_OUT),
    }
}

/// The name of a product of an order.
fn name(order_id: i64, product_id: i64) -> Result<Option<String>, sql::Error> {
    let lines = super::lines(order_id, MOST_LINES, 0)?.into_vec();
    let mut lines = lines.into_iter();
    let line = lines.find(|line| line.product_id == Some(product_id));
    Ok(line.map(|line| line.product_name))
}

/// Give up an order whose stock is not taken. Returns whether it was given up
/// just now.
///
/// # Errors
/// Those of the database.
pub fn withdraw(order_id: i64) -> Result<bool, sql::Error> {
    let outcome = sql::query(WITHDRAW).bind(order_id).execute()?;
    Ok(outcome.rows_affected == 1)
}

fn is_held(order_id: i64) -> Result<bool, sql::Error> {
    let state: Option<Stock> = sql::query(STATE).bind(order_id).first()?;
    Ok(matches!(state, Some(Stock::Held | Stock::Returning)))
}

/// Why stock was not put back.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NotClosed {
    /// The catalog is not available.
    #[error("the catalog: {0}")]
    Catalog(String),
    /// The database failed.
    #[error("the database: {0}")]
    Sql(#[from] sql::Error),
}

/// Put back the stock of an order that is [`Stock::Returning`] or
/// [`Stock::Withdrawn`], and delete a withdrawn one. May be done again.
///
/// # Errors
/// Why that is not finished.
pub fn close(order_id: i64, stock: Stock) -> Result<(), NotClosed> {
    service::release(&reservation(order_id))
        .map_err(|service::Error::Unavailable(why)| NotClosed::Catalog(why))?;
    match stock {
        Stock::Withdrawn => delete(order_id)?,
        _ => {
            sql::query(RETURNED).bind(order_id).execute()?;
        }
    }
    Ok(())
}

fn delete(order_id: i64) -> Result<(), sql::Error> {
    sql::transaction(|transaction| {
        let deleted = transaction.query(DELETE).bind(order_id).execute()?;
        if deleted.rows_affected == 1 {
            transaction.query(DELETE_LINES).bind(order_id).execute()?;
        }
        Ok(())
    })
}

/// What the catalog knows an order's stock by.
fn reservation(order_id: i64) -> String {
    format!("order-{order_id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read_as_they_are_written() {
        for number in 0..5 {
            let stock = Stock::try_from(number).unwrap();
            assert_eq!(sql::Value::from(stock), sql::Value::Integer(number));
        }
        assert_eq!(Stock::try_from(5), Err(Unknown(5)));
        assert_eq!(Stock::try_from(-1), Err(Unknown(-1)));
    }
}
