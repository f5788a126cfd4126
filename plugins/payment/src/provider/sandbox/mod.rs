//! A provider for shops without a Stripe key: Stripe's own test tokens, replies
//! of Stripe's form, and a ledger in the database, so that the same rules hold.
//! No card is charged.

mod answer;
mod card;

use edge_sdk::clock;
use edge_sdk::sql::{self, Error};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::receipt::Receipt;
use super::reply::{Reply, Unanswered};
use crate::model::Attempt;
use card::Verdict;

/// Selects the reply that an idempotency key got.
pub const ANSWERED: &str = "SELECT status, body FROM sandbox_charge WHERE idempotency_key = ?";

/// Inserts a new charge, paid or declined.
pub const CHARGE: &str = "INSERT INTO sandbox_charge \
     (idempotency_key, charge_id, order_id, amount, currency, paid, status, body, created_on) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, {now})";

/// Selects the charge of an idempotency key, if it was paid.
pub const PAID: &str = "SELECT body FROM sandbox_charge WHERE idempotency_key = ? AND paid = 1";

/// Refunds a charge, once.
pub const REFUND: &str = "UPDATE sandbox_charge SET refund_id = ? \
     WHERE charge_id = ? AND paid = 1 AND refund_id IS NULL";

/// Selects the refund of a charge.
pub const REFUNDED: &str = "SELECT refund_id, amount, currency FROM sandbox_charge \
     WHERE charge_id = ? AND paid = 1 AND refund_id IS NOT NULL";

#[derive(Deserialize)]
struct Refunded {
    refund_id: String,
    amount: u64,
    currency: String,
}

/// Charges a test token: what was answered to the key before is answered again.
pub(super) fn charge(attempt: &Attempt, token: &str) -> Result<Reply, Unanswered> {
    Ok(recorded(attempt, token)?)
}

/// Returns the attempt's charge, if it was paid.
pub(super) fn find(attempt: &Attempt) -> Result<Option<Receipt>, Unanswered> {
    let key = attempt.charge_key();
    let body: Option<String> = sql::query(PAID).bind(key).fetch_optional()?;
    let receipt = body.map(|body| Receipt::read(&body)).transpose();
    receipt.map_err(|error| Unanswered(error.to_string()))
}

/// Refunds a charge.
pub(super) fn refund(attempt: &Attempt, charge_id: &str) -> Result<Reply, Unanswered> {
    sql::query(REFUND)
        .bind(id("re", &attempt.refund_key(charge_id)))
        .bind(charge_id)
        .execute()?;
    let refunded: Option<Refunded> = sql::query(REFUNDED).bind(charge_id).fetch_optional()?;
    Ok(match refunded {
        Some(refund) => answer::refund(
            &refund.refund_id,
            charge_id,
            refund.amount,
            &refund.currency,
        ),
        None => answer::no_such_charge(charge_id),
    })
}

fn recorded(attempt: &Attempt, token: &str) -> Result<Reply, Error> {
    if let Some(reply) = answered(attempt)? {
        return Ok(reply);
    }
    let charge_id = id("ch", &attempt.charge_key());
    let (paid, reply) = match card::evaluate(token, attempt.amount) {
        Verdict::Paid(card) => {
            let created = clock::unix_seconds();
            (true, answer::charge(attempt, &charge_id, &card, created))
        }
        Verdict::Declined(decline) => (false, answer::declined(&charge_id, &decline)),
        // Stripe, too, forgets the key of a request that it refuses.
        Verdict::Refused(refusal) => return Ok(answer::refused(&refusal)),
    };
    let inserted = sql::query(CHARGE)
        .bind(attempt.charge_key())
        .bind(charge_id)
        .bind(attempt.order_id)
        .bind(i64::try_from(attempt.amount).unwrap_or(i64::MAX))
        .bind(attempt.currency.as_str())
        .bind(paid)
        .bind(reply.status)
        .bind(reply.body.as_str())
        .execute();
    match inserted {
        Ok(_) => Ok(reply),
        // Somebody else asked with the same key, and was faster.
        Err(Error::Conflict(why)) => answered(attempt)?.ok_or(Error::Conflict(why)),
        Err(error) => Err(error),
    }
}

fn answered(attempt: &Attempt) -> Result<Option<Reply>, Error> {
    let row: Option<(u16, String)> = sql::query(ANSWERED)
        .bind(attempt.charge_key())
        .fetch_optional()?;
    Ok(row.map(|(status, body)| Reply { status, body }))
}

/// Returns an id of Stripe's form, the same for the same key.
fn id(prefix: &str, key: &str) -> String {
    let hash = hex::encode(Sha256::digest(key));
    let (short, _) = hash.split_at(24);
    format!("{prefix}_{short}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_stable_and_differ_by_key() {
        let first = id("ch", "order-7-attempt-1");
        assert_eq!(first, id("ch", "order-7-attempt-1"));
        assert_ne!(first, id("ch", "order-7-attempt-2"));
        assert_eq!(first.len(), "ch_".len() + 24);
    }
}
