//! An order's stock: taken from the catalog after the order is stored, and put
//! back when nothing comes of the order.
//!
//! The column `reserved` says how far that is. Whatever is cut off half-way, the
//! schedule finishes: an order whose stock was only asked for, and that for too
//! long, is withdrawn, and stock that is to be put back, or that a withdrawn
//! order may have taken, is released in the catalog until that has happened.

use edge_sdk::{Failure, Result, metrics, sql};

use super::draft::stock_lines;
use super::lines;
use super::reserved::Stock;
use crate::cart::Ordered;
use crate::clients::catalog::{self, ReserveError};

/// Refusal of an order for a product that is out of stock.
pub const SOLD_OUT: Failure = Failure::new(409, "ORD_03", "A product is out of stock.");

/// Lines of an order that is made here: as many as a cart has.
const MAX_LINES: i64 = 100;

const TRY_AGAIN: Failure = Failure::new(
    503,
    "HTTP_503",
    "The order could not be completed. Please try again.",
);

/// The stock is taken.
pub const HOLD: &str = "UPDATE orders SET reserved = 1 WHERE order_id = ? AND reserved = 0";

/// The stock was not to be had: the cart may be ordered anew.
pub const WITHDRAW: &str = "UPDATE orders SET reserved = 4, status = 2, cart_generation = NULL \
     WHERE order_id = ? AND reserved = 0";

/// The stock was put back.
pub const RETURNED: &str = "UPDATE orders SET reserved = 2 WHERE order_id = ? AND reserved = 3";

/// Deletes a withdrawn order.
pub const DELETE: &str = "DELETE FROM orders WHERE order_id = ? AND reserved = 4";

/// Deletes the lines of an order.
pub const DELETE_LINES: &str = "DELETE FROM order_detail WHERE order_id = ?";

/// Selects the state of an order's stock, by the order's id.
pub const STATE: &str = "SELECT reserved FROM orders WHERE order_id = ?";

/// Takes the stock of an order that asked for it. Asking again is asking once.
///
/// # Errors
/// [`SOLD_OUT`], and then the order is gone; 503 while the catalog is not
/// available, and then the same may be tried again.
pub fn take(order_id: i64, ordered: &[Ordered]) -> Result<()> {
    let pieces = ordered.iter().map(|one| (one.product_id, one.quantity));
    match catalog::reserve(&reservation(order_id), &stock_lines(pieces)) {
        Ok(()) => held(order_id),
        Err(ReserveError::SoldOut(product_id)) => sold_out(order_id, product_id),
        Err(ReserveError::Released) => {
            // Somebody else gave up meanwhile.
            withdraw(order_id)?;
            Err(TRY_AGAIN.header("retry-after", "1"))
        }
        Err(ReserveError::Unavailable(why)) => Err(catalog::unavailable(&why)),
    }
}

fn held(order_id: i64) -> Result<()> {
    let changed = sql::query(HOLD).bind(order_id).execute()?.rows_affected;
    if changed == 1 {
        count_placed();
        return Ok(());
    }
    if is_held(order_id)? {
        return Ok(());
    }
    // Withdrawn meanwhile: whoever did that puts the stock back.
    Err(TRY_AGAIN.header("retry-after", "1"))
}

/// Counts an order that stands: its stock is taken, or it needs none.
pub(super) fn count_placed() {
    metrics::count("shop_orders_placed_total", &[]);
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

/// Returns the name of a product of an order.
fn name(order_id: i64, product_id: i64) -> Result<Option<String>, sql::Error> {
    let lines = lines::read(order_id, MAX_LINES, 0)?.into_vec();
    let mut lines = lines.into_iter();
    let line = lines.find(|line| line.product_id == Some(product_id));
    Ok(line.map(|line| line.product_name))
}

/// Gives up an order whose stock is not taken. Returns whether it was given up
/// just now.
///
/// # Errors
/// Those of the database.
pub fn withdraw(order_id: i64) -> Result<bool, sql::Error> {
    let outcome = sql::query(WITHDRAW).bind(order_id).execute()?;
    Ok(outcome.rows_affected == 1)
}

fn is_held(order_id: i64) -> Result<bool, sql::Error> {
    let state: Option<Stock> = sql::query(STATE).bind(order_id).fetch_optional()?;
    Ok(matches!(state, Some(Stock::Held | Stock::Returning)))
}

/// Why stock was not put back.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ReturnStockError {
    /// The catalog is not available.
    #[error("the catalog: {0}")]
    Catalog(String),
    /// The database failed.
    #[error("the database: {0}")]
    Sql(#[from] sql::Error),
}

/// Puts back the stock of an order that is to return it or was withdrawn, and
/// deletes a withdrawn one. May be done again.
///
/// # Errors
/// Why that is not finished.
pub fn close(order_id: i64, stock: Stock) -> Result<(), ReturnStockError> {
    let released = catalog::release(&reservation(order_id));
    released.map_err(|catalog::Error::Unavailable(why)| ReturnStockError::Catalog(why))?;
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

/// Returns what the catalog knows an order's stock by.
fn reservation(order_id: i64) -> String {
    format!("order-{order_id}")
}
