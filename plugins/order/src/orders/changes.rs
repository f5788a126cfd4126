//! Changes of an order after it was made. Each is one conditional update, and
//! reports whether it took place; what it means is written into the audit in the
//! same transaction.

use edge_sdk::metrics;
use edge_sdk::money::Cents;
use edge_sdk::sql::{self, Query, Transaction};

use super::reserved::reserved;
use super::status::{Status, name};

/// Holds a new order for its payment, by its id and its customer's.
pub const HOLD: &str = concat!(
    "UPDATE orders SET held = 1 WHERE order_id = ? AND customer_id = ? AND status = 0 AND ",
    reserved!(secured),
    " AND total_amount IS NOT NULL"
);

/// Ends the hold of a payment that came to nothing, by the order's id.
pub const RELEASE_HOLD: &str = "UPDATE orders SET held = 0 WHERE order_id = ? AND status = 0";

/// Ends the hold of a refund that came to nothing, by the order's id.
pub const RELEASE_REFUND_HOLD: &str =
    "UPDATE orders SET held = 0 WHERE order_id = ? AND status IN (1, 3)";

/// Records a payment: the charge as authorization and as reference, its amount,
/// and the order's id.
pub const PAY: &str = concat!(
    "UPDATE orders SET status = 1, held = 0, auth_code = ?, reference = ?, paid_amount = ? \
     WHERE order_id = ? AND status = 0 AND ",
    reserved!(secured)
);

/// Cancels an order that nobody has paid or is about to pay, by its id.
pub const CANCEL: &str = concat!(
    "UPDATE orders SET status = 2, cart_generation = NULL, \
     reserved = CASE reserved WHEN 1 THEN 3 ELSE reserved END \
     WHERE order_id = ? AND status = 0 AND held = 0 AND ",
    reserved!(secured)
);

/// Records that an order is sent, unless its charge is being refunded, by its
/// id.
pub const SHIP: &str = "UPDATE orders SET status = 3, shipped_on = {now} \
     WHERE order_id = ? AND status = 1 AND held = 0";

/// Holds a paid order while its charge is refunded, by its id.
pub const HOLD_FOR_REFUND: &str =
    "UPDATE orders SET held = 1 WHERE order_id = ? AND status IN (1, 3)";

/// Cancels an order whose charge was refunded, by its id.
pub const CANCEL_PAID: &str = "UPDATE orders SET status = 2, held = 0, \
     reserved = CASE reserved WHEN 1 THEN 3 ELSE reserved END \
     WHERE order_id = ? AND status IN (1, 4)";

/// Records a refund before anything was sent, by the order's id.
pub const REFUND_UNSENT: &str = "UPDATE orders SET status = 4, held = 0, \
     reserved = CASE reserved WHEN 1 THEN 3 ELSE reserved END \
     WHERE order_id = ? AND status = 1";

/// Records a refund after the order was sent, by its id.
pub const REFUND_SENT: &str =
    "UPDATE orders SET status = 4, held = 0 WHERE order_id = ? AND status = 3";

/// Adds a line to the audit: order, text, and the status that was reached.
pub const AUDIT: &str =
    "INSERT INTO audit (order_id, created_on, message, code) VALUES (?, {now}, ?, ?)";

/// Queues a confirmation to send at once, by the order's id.
pub const CONFIRM: &str =
    "INSERT INTO mail_outbox (order_id, due_on, created_on) VALUES (?, {now}, {now})";

/// Holds a customer's new order for its payment: until the hold ends, it is not
/// cancelled.
///
/// # Errors
/// Those of the database, as with every change.
pub fn hold(order_id: i64, customer_id: i64) -> Result<bool, sql::Error> {
    changed_one_row(sql::query(HOLD).bind(order_id).bind(customer_id))
}

/// Ends the hold of a payment that came to nothing.
///
/// # Errors
/// Those of the database.
pub fn release_hold(order_id: i64) -> Result<bool, sql::Error> {
    changed_one_row(sql::query(RELEASE_HOLD).bind(order_id))
}

/// Records the charge that pays for a new order, with the amount that it was made
/// for, if that is known, and queues the confirmation to the customer.
///
/// # Errors
/// Those of the database.
pub fn pay(order_id: i64, charge: &str, amount: Option<Cents>) -> Result<bool, sql::Error> {
    let why = match amount {
        Some(amount) => format!("charge {charge} over {amount}"),
        None => format!("charge {charge}"),
    };
    let paid = sql::transaction(|transaction| {
        let pay = transaction.query(PAY).bind(charge).bind(charge);
        let paid = changed_one_row(pay.bind(amount).bind(order_id))?;
        if paid {
            transaction.query(CONFIRM).bind(order_id).execute()?;
        }
        audit_if(paid, transaction, order_id, Status::Paid, &why)
    });
    counted(paid, Status::Paid)
}

/// Cancels an order that nobody has paid.
///
/// # Errors
/// Those of the database.
pub fn cancel(order_id: i64, why: &str) -> Result<bool, sql::Error> {
    transition(&[CANCEL], order_id, Status::Cancelled, why)
}

/// Records that a paid order is sent.
///
/// # Errors
/// Those of the database.
pub fn ship(order_id: i64, why: &str) -> Result<bool, sql::Error> {
    transition(&[SHIP], order_id, Status::Shipped, why)
}

/// Holds a paid order while its charge is refunded: until the hold ends, it is
/// not sent.
///
/// # Errors
/// Those of the database.
pub fn hold_for_refund(order_id: i64) -> Result<bool, sql::Error> {
    changed_one_row(sql::query(HOLD_FOR_REFUND).bind(order_id))
}

/// Ends the hold of a refund that came to nothing.
///
/// # Errors
/// Those of the database.
pub fn release_refund_hold(order_id: i64) -> Result<bool, sql::Error> {
    changed_one_row(sql::query(RELEASE_REFUND_HOLD).bind(order_id))
}

/// Cancels a paid order whose charge was refunded.
///
/// # Errors
/// Those of the database.
pub fn cancel_paid(order_id: i64, why: &str) -> Result<bool, sql::Error> {
    transition(&[CANCEL_PAID], order_id, Status::Cancelled, why)
}

/// Records that the charge of an order was refunded.
///
/// # Errors
/// Those of the database.
pub fn refund(order_id: i64, why: &str) -> Result<bool, sql::Error> {
    let statements = [REFUND_UNSENT, REFUND_SENT];
    transition(&statements, order_id, Status::Refunded, why)
}

/// Runs statements until one of them changes the order, and audits that. Returns
/// whether one did.
fn transition(
    statements: &[&str],
    order_id: i64,
    status: Status,
    why: &str,
) -> Result<bool, sql::Error> {
    let changed = sql::transaction(|transaction| {
        for statement in statements {
            if changed_one_row(transaction.query(statement).bind(order_id))? {
                return audit_if(true, transaction, order_id, status, why);
            }
        }
        Ok(false)
    });
    counted(changed, status)
}

/// Counts a change for operators, if it took place.
fn counted(changed: Result<bool, sql::Error>, status: Status) -> Result<bool, sql::Error> {
    if changed == Ok(true) {
        metrics::count("shop_order_changes_total", &[("status", name(status))]);
    }
    changed
}

fn changed_one_row(change: Query<'_>) -> Result<bool, sql::Error> {
    Ok(change.execute()?.rows_affected == 1)
}

/// Writes a line into the audit if an order was changed. Returns whether it was.
fn audit_if(
    changed: bool,
    transaction: &Transaction,
    order_id: i64,
    status: Status,
    why: &str,
) -> Result<bool, sql::Error> {
    if changed {
        transaction
            .query(AUDIT)
            .bind(order_id)
            .bind(format!("{}: {why}", name(status)))
            .bind(status as u8)
            .execute()?;
    }
    Ok(changed)
}
