//! The attempts in the database. Each change is one statement whose condition
//! says from which state it may be made; of many who try, one succeeds.

use edge_sdk::sql::{self, Error, Seconds};

use crate::model::{Attempt, LEASE, State, wait};
use crate::provider::receipt::Receipt;

/// Longest reason that is stored, in characters.
const MAX_REASON_CHARS: usize = 255;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT attempt_id, order_id, number, customer_id, shop_id, provider, token, amount, currency, \
             description, state, charge_id, tries, told_on, {age of created_on} AS age FROM payment_attempt ",
            $rest
        )
    };
}

/// Selects the order's attempt that charged the card, may have or may yet, if
/// there is one.
pub const CURRENT: &str = select!("WHERE open_order_id = ?");

/// Selects one attempt, by order and number.
pub const NUMBERED: &str = select!("WHERE order_id = ? AND number = ?");

/// Selects the attempt that a charge is known to be of.
pub const CHARGED: &str = select!("WHERE charge_id = ? ORDER BY attempt_id LIMIT 1");

/// Selects some attempts that something is left to do about now.
pub const DUE: &str = select!("WHERE next_try_on <= {now} ORDER BY next_try_on LIMIT 20");

/// Selects the number of attempts that an order has had.
pub const COUNT: &str = "SELECT COALESCE(MAX(number), 0) FROM payment_attempt WHERE order_id = ?";

/// Inserts a new attempt; the seconds for which its maker has it come last, twice.
pub const BEGIN: &str = "INSERT INTO payment_attempt (order_id, number, open_order_id, customer_id, \
     shop_id, provider, token, amount, currency, description, state, busy_until, next_try_on, created_on, \
     changed_on) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', {now + ?}, \
     {now + ?}, {now}, {now})";

/// Reserves an attempt for a number of seconds, if nobody has it now and something
/// is left to do about it.
pub const TAKE: &str = "UPDATE payment_attempt SET busy_until = {now + ?} \
     WHERE attempt_id = ? AND told_on IS NULL AND busy_until <= {now}";

/// Releases an open attempt, to be tried again after a number of seconds.
pub const POSTPONE: &str = "UPDATE payment_attempt SET tries = tries + 1, busy_until = {now}, \
     next_try_on = {now + ?} WHERE attempt_id = ? AND state = 'open'";

/// Records that the card was charged.
pub const CAPTURE: &str = "UPDATE payment_attempt SET state = 'captured', charge_id = ?, charge = ?, \
     token = NULL, tries = 0, next_try_on = {now + ?}, changed_on = {now} \
     WHERE attempt_id = ? AND state = 'open'";

/// Records that the card was charged something else.
pub const SUSPECT: &str = "UPDATE payment_attempt SET state = 'suspicious', charge_id = ?, charge = ?, \
     reason = ?, token = NULL, next_try_on = NULL, changed_on = {now} WHERE attempt_id = ? AND state = 'open'";

/// Records that the card is not charged; the state that the attempt has to be in
/// comes last.
pub const FAIL: &str = "UPDATE payment_attempt SET state = 'failed', reason = ?, token = NULL, tries = 0, \
     next_try_on = {now + ?}, changed_on = {now} WHERE attempt_id = ? AND state = ?";

/// Records that the charge was refunded.
pub const REFUND: &str = "UPDATE payment_attempt SET state = 'refunded', refund_id = ?, changed_on = {now} \
     WHERE attempt_id = ? AND state = 'captured'";

/// Records that the order service knows that the order is paid.
pub const NOTIFIED: &str = "UPDATE payment_attempt SET told_on = {now}, next_try_on = NULL \
     WHERE attempt_id = ? AND told_on IS NULL";

/// Records that the order service knows that nothing came of the attempt: the
/// order is free for another.
pub const NOTIFIED_FAILURE: &str = "UPDATE payment_attempt SET open_order_id = NULL, told_on = {now}, next_try_on = NULL \
     WHERE attempt_id = ? AND state = 'failed' AND told_on IS NULL";

/// Releases an attempt that the order service could not be told of, for a number
/// of seconds.
pub const NOTIFY_LATER: &str = "UPDATE payment_attempt SET tries = tries + 1, busy_until = {now}, \
     next_try_on = {now + ?} WHERE attempt_id = ? AND told_on IS NULL";

/// Fields of a new attempt.
#[derive(Debug, Clone)]
pub struct New<'a> {
    /// The order.
    pub order_id: i64,
    /// Customer of the order.
    pub customer_id: i64,
    /// The shop's identity.
    pub shop_id: &'a str,
    /// Name of the provider, as attempts have it.
    pub provider: &'static str,
    /// The card's token.
    pub token: &'a str,
    /// Amount to charge, in cents.
    pub amount: u64,
    /// ISO 4217, lower case.
    pub currency: &'a str,
    /// Text of the client about the charge.
    pub description: &'a str,
}

/// Returns the order's attempt that charged the card, may have or may yet.
pub(crate) fn current(order_id: i64) -> Result<Option<Attempt>, Error> {
    sql::query(CURRENT).bind(order_id).fetch_optional()
}

/// Returns one attempt, by order and number.
pub(crate) fn numbered(order_id: i64, number: u32) -> Result<Option<Attempt>, Error> {
    sql::query(NUMBERED)
        .bind(order_id)
        .bind(number)
        .fetch_optional()
}

/// Returns the attempt that a charge is known to be of.
pub(crate) fn charged(charge_id: &str) -> Result<Option<Attempt>, Error> {
    sql::query(CHARGED).bind(charge_id).fetch_optional()
}

/// Returns the attempts that something is left to do about, those longest
/// overdue first.
pub(crate) fn due() -> Result<Vec<Attempt>, Error> {
    sql::query(DUE).fetch_all()
}

/// Makes an attempt that the caller has to itself. None if the order has one
/// already: the unique keys let one of many through.
pub(crate) fn begin(new: &New<'_>) -> Result<Option<Attempt>, Error> {
    let count: u32 = sql::query(COUNT).bind(new.order_id).fetch_one()?;
    let number = count.saturating_add(1);
    let Ok(amount) = i64::try_from(new.amount) else {
        return Err(Error::Invalid("an amount beyond all money".to_owned()));
    };
    let inserted = sql::query(BEGIN)
        .bind(new.order_id)
        .bind(number)
        .bind(new.order_id)
        .bind(new.customer_id)
        .bind(new.shop_id)
        .bind(new.provider)
        .bind(new.token)
        .bind(amount)
        .bind(new.currency)
        .bind(new.description)
        .bind(Seconds(LEASE))
        .bind(Seconds(LEASE))
        .execute();
    match inserted {
        Ok(_) => numbered(new.order_id, number),
        Err(Error::Conflict(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns whether the caller has the attempt to itself now. A lease only saves
/// work: the idempotency key keeps two who ask at once from charging twice.
pub(crate) fn take(attempt: &Attempt) -> Result<bool, Error> {
    changed(
        sql::query(TAKE)
            .bind(Seconds(LEASE))
            .bind(attempt.attempt_id),
    )
}

/// Releases an open attempt, its outcome still unknown.
pub(crate) fn postpone(attempt: &Attempt) -> Result<(), Error> {
    sql::query(POSTPONE)
        .bind(Seconds(wait(attempt.tries)))
        .bind(attempt.attempt_id)
        .execute()?;
    Ok(())
}

/// Records a captured charge. False if the attempt was not open any more.
pub(crate) fn capture(attempt: &Attempt, receipt: &Receipt) -> Result<bool, Error> {
    changed(
        sql::query(CAPTURE)
            .bind(receipt.charge.id.as_str())
            .bind(receipt.text.as_str())
            .bind(Seconds(LEASE))
            .bind(attempt.attempt_id),
    )
}

/// Records a charge of something else. False if the attempt was not open any more.
pub(crate) fn suspect(attempt: &Attempt, receipt: &Receipt, why: &str) -> Result<bool, Error> {
    changed(
        sql::query(SUSPECT)
            .bind(receipt.charge.id.as_str())
            .bind(receipt.text.as_str())
            .bind(short(why))
            .bind(attempt.attempt_id),
    )
}

/// Records that the card is not charged. False if the attempt is in another
/// state than `attempt` says.
pub(crate) fn fail(attempt: &Attempt, why: &str) -> Result<bool, Error> {
    changed(
        sql::query(FAIL)
            .bind(short(why))
            .bind(Seconds(LEASE))
            .bind(attempt.attempt_id)
            .bind(attempt.state.name()),
    )
}

/// Records that the charge was refunded. False if it was recorded before.
pub(crate) fn refund(attempt: &Attempt, refund_id: Option<&str>) -> Result<bool, Error> {
    changed(sql::query(REFUND).bind(refund_id).bind(attempt.attempt_id))
}

/// Records that the order service knows the outcome. A failed attempt then
/// leaves the order to the next.
pub(crate) fn notified(attempt: &Attempt, state: State) -> Result<(), Error> {
    let text = if state == State::Failed {
        NOTIFIED_FAILURE
    } else {
        NOTIFIED
    };
    sql::query(text).bind(attempt.attempt_id).execute()?;
    Ok(())
}

/// Leaves it to scheduled work to notify the order service.
pub(crate) fn notify_later(attempt: &Attempt) -> Result<(), Error> {
    sql::query(NOTIFY_LATER)
        .bind(Seconds(wait(attempt.tries)))
        .bind(attempt.attempt_id)
        .execute()?;
    Ok(())
}

fn changed(query: sql::Query<'_>) -> Result<bool, Error> {
    Ok(query.execute()?.rows_affected > 0)
}

fn short(reason: &str) -> String {
    reason.chars().take(MAX_REASON_CHARS).collect()
}
