//! Periodic work: mails, and orders that nothing comes of. Each piece is
//! bounded, and may be cut off and done again.

use std::time::Duration;

use edge_sdk::config;
use edge_sdk::sql::{self, Seconds};
use serde::Deserialize;

use crate::orders::changes;
use crate::orders::reserved::{Stock, reserved};
use crate::orders::stock::{self, ReturnStockError};
use crate::{idempotency, outbox};

/// Setting with the minutes for which an order may stay unpaid.
const UNPAID_MINUTES: &str = "UNPAID_ORDER_MINUTES";
const DEFAULT_UNPAID_MINUTES: u64 = 30;

/// A request to order takes less than this.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Selects some orders that asked for stock and have none yet, by their age in
/// seconds.
pub const ASKED: &str = "SELECT order_id FROM orders WHERE reserved = 0 AND cart_generation IS NOT NULL \
     AND created_on < {now - ?} ORDER BY created_on LIMIT 50";

/// Selects some orders that nobody has paid or is about to pay, by their age in
/// seconds. Those of an older shop are left alone: none of them has a
/// generation, though it may have ids of carts.
pub const UNPAID: &str = concat!(
    "SELECT order_id FROM orders WHERE status = 0 AND held = 0 AND ",
    reserved!(secured),
    " AND cart_generation IS NOT NULL AND created_on < {now - ?} \
     ORDER BY created_on LIMIT 100"
);

/// Selects some orders whose stock is to be put back.
pub const TO_CLOSE: &str = concat!(
    "SELECT order_id, reserved FROM orders WHERE ",
    reserved!(releasing),
    " ORDER BY order_id LIMIT 100"
);

/// Why a piece of work was not finished.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("there is no task {0:?}")]
    Unknown(String),
    #[error("{UNPAID_MINUTES} is not a whole number: {0:?}")]
    BadMinutes(String),
    #[error(transparent)]
    Config(#[from] config::Error),
    #[error(transparent)]
    Sql(#[from] sql::Error),
    #[error("stock was not put back: {0}")]
    Stock(#[from] ReturnStockError),
}

/// Does a piece of one of the manifest's tasks.
///
/// # Errors
/// Why it was not finished.
pub fn run(task: &str) -> Result<(), String> {
    let outcome = match task {
        "mail" => outbox::send_due().map_err(Error::from),
        "release" => release(),
        _ => Err(Error::Unknown(task.to_owned())),
    };
    outcome.map_err(|error| error.to_string())
}

fn release() -> Result<(), Error> {
    idempotency::delete_old()?;
    outbox::delete_old()?;
    withdraw_stale()?;
    cancel_unpaid()?;
    put_back()
}

fn withdraw_stale() -> Result<(), Error> {
    for order_id in ids(ASKED, REQUEST_TIMEOUT)? {
        stock::withdraw(order_id)?;
    }
    Ok(())
}

fn cancel_unpaid() -> Result<(), Error> {
    let minutes = minutes(config::get(UNPAID_MINUTES)?)?;
    let age = Duration::from_secs(minutes.saturating_mul(60));
    for order_id in ids(UNPAID, age)? {
        changes::cancel(order_id, &format!("unpaid after {minutes} minutes"))?;
    }
    Ok(())
}

fn minutes(set: Option<String>) -> Result<u64, Error> {
    let Some(text) = set else {
        return Ok(DEFAULT_UNPAID_MINUTES);
    };
    text.parse().map_err(|_| Error::BadMinutes(text))
}

fn put_back() -> Result<(), Error> {
    #[derive(Deserialize)]
    struct Order {
        order_id: i64,
        reserved: Stock,
    }
    let orders: Vec<Order> = sql::query(TO_CLOSE).fetch_all()?;
    for order in orders {
        stock::close(order.order_id, order.reserved)?;
    }
    Ok(())
}

fn ids(text: &str, age: Duration) -> Result<Vec<i64>, sql::Error> {
    sql::query(text).bind(Seconds(age)).fetch_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_may_stay_unpaid_for_half_an_hour_or_as_set() {
        assert_eq!(minutes(None).ok(), Some(30));
        assert_eq!(minutes(Some("0".to_owned())).ok(), Some(0));
        for bad in ["", "-1", "ten", "1.5"] {
            assert!(minutes(Some(bad.to_owned())).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn there_are_no_other_tasks() {
        assert_eq!(run("tidy"), Err("there is no task \"tidy\"".to_owned()));
    }
}
