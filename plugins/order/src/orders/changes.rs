//! What happens to an order after it was made. Each change is one conditional
//! update, and true if it happened just now; what it means is written into the
//! audit in the same transaction.

use edge_sdk::metrics;
use edge_sdk::money::Cents;
use edge_sdk::sql::{self, Query, Transaction};

use super::status::{Status, name};

/// Begin to pay: the order's id and its customer's.
pub const HOLD: &str = "UPDATE orders SET held = 1 \
     WHERE order_id = ? AND customer_id = ? AND status = 0 AND reserved IN (1, 2) \
     AND total_amount IS NOT NULL";

/// The payment came to nothing.
pub const LET_GO: &str = "UPDATE orders SET held = 0 WHERE order_id = ? AND status = 0";

/// The refund came to nothing.
pub const LET_GO_PAID: &str = "UPDATE orders SET held = 0 WHERE order_id = ? AND status IN (1, 3)";

/// Paid, by a charge: as authorization and as reference; its amount; the order.
pub const PAY: &str = "UPDATE orders SET status = 1, held = 0, auth_code = ?, reference = ?, paid_amount = ? \
     WHERE order_id = ? AND status = 0 AND reserved IN (1, 2)";

/// Nobody has paid, and nobody is about to.
pub const CANCEL: &str = "UPDATE orders SET status = 2, cart_generation = NULL, \
     reserved = CASE reserved WHEN 1 THEN 3 ELSE reserved END \
     WHERE order_id = ? AND status = 0 AND held = 0 AND reserved IN (1, 2)";

/// Sent just now, unless its charge is being given back.
pub const SHIP: &str = "UPDATE orders SET status = 3, shipped_on = {now} \
     WHERE order_id = ? AND status = 1 AND held = 0";

/// Begin to give the charge back: until that is known, the order is not sent.
pub const HOLD_PAID: &str = "UPDATE orders SET held = 1 WHERE order_id = ? AND status IN (1, 3)";

/// Cancelled after its charge was given back.
pub const CANCEL_PAID: &str = "UPDATE orders SET status = 2, held = 0, \
     reserved = CASE reserved WHEN 1 THEN 3 ELSE reserved END \
     WHERE order_id = ? AND status IN (1, 4)";

/// The charge was given back before anything was sent.
pub const REFUND_UNSENT: &str = "UPDATE orders SET status = 4, held = 0, \
     reserved = CASE reserved WHEN 1 THEN 3 ELSE reserved END \
     WHERE order_id = ? AND status = 1";

/// The charge was given back after the order was sent.
pub const REFUND_SENT: &str =
    "UPDATE orders SET status = 4, held = 0 WHERE order_id = ? AND status = 3";

/// A line of the audit: order, text, and the status that was reached.
pub const AUDIT: &str =
    "INSERT INTO audit (order_id, created_on, message, code) VALUES (?, {now}, ?, ?)";

/// A confirmation of an order to send at once.
pub const CONFIRM: &str =
    "INSERT INTO mail_outbox (order_id, due_on, created_on) VALUES (?, {now}, {now})";

/// Begin to pay a customer's new order.
///
/// # Errors
/// Those of the database, as with every change.
pub fn hold(order_id: i64, customer_id: i64) -> Result<bool, sql::Error> {
    happened(sql::query(HOLD).bind(order_id).bind(customer_id))
}

/// End an attempt to pay that came to nothing.
///
/// # Errors
/// Those of the database.
pub fn let_go(order_id: i64) -> Result<bool, sql::Error> {
    happened(sql::query(LET_GO).bind(order_id))
}

/// Record the charge that pays for a new order, the amount that it was made
/// for, if that is known, and that the customer is to be told.
///
/// # Errors
/// Those of the database.
pub fn pay(order_id: i64, charge: &str, amount: Option<Cents>) -> Result<bool, sql::Error> {
    let paid = sql::transaction(|transaction| {
        let paid = transaction.query(PAY).bind(charge).bind(charge);
        let paid = paid.bind(amount);
        if !happened(paid.bind(order_id))? {
            return Ok(false);
        }
        transaction.query(CONFIRM).bind(order_id).execute()?;
        let why = match amount {
            Some(amount) => format!("charge {charge} over {amount}"),
            None => format!("charge {charge}"),
        };
        audit(transaction, order_id, Status::Paid, &why)?;
        Ok(true)
    });
    counted(paid, "paid")
}

/// Cancel an order that nobody has paid.
///
/// # Errors
/// Those of the database.
pub fn cancel(order_id: i64, why: &str) -> Result<bool, sql::Error> {
    let cancelled = sql::transaction(|transaction| {
        let cancelled = happened(transaction.query(CANCEL).bind(order_id))?;
        noted(transaction, cancelled, order_id, Status::Cancelled, why)
    });
    counted(cancelled, "cancelled")
}

/// Note that a paid order is sent.
///
/// # Errors
/// Those of the database.
pub fn ship(order_id: i64, why: &str) -> Result<bool, sql::Error> {
    let sent = sql::transaction(|transaction| {
        let sent = happened(transaction.query(SHIP).bind(order_id))?;
        noted(transaction, sent, order_id, Status::Shipped, why)
    });
    counted(sent, "shipped")
}

/// Begin to give the charge of a paid order back.
///
/// # Errors
/// Those of the database.
pub fn hold_paid(order_id: i64) -> Result<bool, sql::Error> {
    happened(sql::query(HOLD_PAID).bind(order_id))
}

/// End an attempt to give a charge back that came to nothing.
///
/// # Errors
/// Those of the database.
pub fn let_go_paid(order_id: i64) -> Result<bool, sql::Error> {
    happened(sql::query(LET_GO_PAID).bind(order_id))
}

/// Cancel a paid order whose charge was given back.
///
/// # Errors
/// Those of the database.
pub fn cancel_paid(order_id: i64, why: &str) -> Result<bool, sql::Error> {
    let cancelled = sql::transaction(|transaction| {
        let cancelled = happened(transaction.query(CANCEL_PAID).bind(order_id))?;
        noted(transaction, cancelled, order_id, Status::Cancelled, why)
    });
    counted(cancelled, "cancelled")
}

/// Note that the charge of an order was given back.
///
/// # Errors
/// Those of the database.
pub fn refund(order_id: i64, why: &str) -> Result<bool, sql::Error> {
    let refunded = sql::transaction(|transaction| {
        let refunded = happened(transaction.query(REFUND_UNSENT).bind(order_id))?
            || happened(transaction.query(REFUND_SENT).bind(order_id))?;
        noted(transaction, refunded, order_id, Status::Refunded, why)
    });
    counted(refunded, "refunded")
}

/// Count a change for operators, if it happened just now.
fn counted(happened: Result<bool, sql::Error>, status: &str) -> Result<bool, sql::Error> {
    if happened == Ok(true) {
        metrics::count("shop_order_changes_total", &[("status", status)]);
    }
    happened
}

fn happened(change: Query<'_>) -> Result<bool, sql::Error> {
    Ok(change.execute()?.rows_affected == 1)
}

fn noted(
    transaction: &Transaction,
    happened: bool,
    order_id: i64,
    status: Status,
    why: &str,
) -> Result<bool, sql::Error> {
    if happened {
        audit(transaction, order_id, status, why)?;
    }
    Ok(happened)
}

fn audit(
    transaction: &Transaction,
    order_id: i64,
    status: Status,
    why: &str,
) -> Result<(), sql::Error> {
    let line = transaction.query(AUDIT).bind(order_id);
    line.bind(format!("{}: {why}", name(status)))
        .bind(status as u8)
        .execute()?;
    Ok(())
}
