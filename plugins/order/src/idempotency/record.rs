//! The rows of keys: who works on a request, and what came of it.

use std::time::Duration;

use edge_sdk::Result;
use edge_sdk::sql::{self, Seconds, Transaction};
use serde::Deserialize;

use super::errors::{OTHER_BODY, in_flight};
use super::key::Key;
use super::reply::Reply;
use crate::cart::id::generation as random;
use crate::prune;

/// Time for which a reply is kept.
const RETENTION: Duration = Duration::from_secs(24 * 60 * 60);
/// A request that works for longer than this was cut off.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);

/// Inserts a new key, locked just now: customer, key, fingerprint, lock.
pub const ADD: &str = "INSERT INTO order_idempotency \
     (customer_id, key_hash, fingerprint, lock_id, locked_on, created_on) VALUES (?, ?, ?, ?, {now}, {now})";

/// Selects a customer's key, with the ages of the row and of its lock.
pub const FIND: &str = "SELECT idempotency_id, fingerprint, lock_id, {age of locked_on} AS lock_age, \
     {age of created_on} AS age, order_id, status, body \
     FROM order_idempotency WHERE customer_id = ? AND key_hash = ?";

/// Takes over a lock: the new lock; the key's row and the old lock.
pub const TAKE_OVER: &str = "UPDATE order_idempotency SET lock_id = ?, locked_on = {now} \
     WHERE idempotency_id = ? AND lock_id = ? AND status IS NULL";

/// Begins anew with a key that has expired: as [`TAKE_OVER`], with the
/// fingerprint besides.
pub const RENEW: &str = "UPDATE order_idempotency SET lock_id = ?, locked_on = {now}, fingerprint = ?, \
     created_on = {now}, order_id = NULL, status = NULL, body = NULL \
     WHERE idempotency_id = ? AND lock_id = ?";

/// Notes the order: its id; the key's row and the lock.
pub const NOTE: &str =
    "UPDATE order_idempotency SET order_id = ? WHERE idempotency_id = ? AND lock_id = ?";

/// Keeps a reply: status and body; the key's row and the lock.
pub const COMPLETE: &str =
    "UPDATE order_idempotency SET status = ?, body = ? WHERE idempotency_id = ? AND lock_id = ?";

/// Releases a lock, by setting it into the past: how many seconds; the key's row
/// and the lock.
pub const RELEASE: &str = "UPDATE order_idempotency SET locked_on = {now - ?} \
     WHERE idempotency_id = ? AND lock_id = ? AND status IS NULL";

/// Selects the time of the 500th key of an age in seconds.
pub const OLD: &str = "SELECT created_on FROM order_idempotency WHERE created_on < {now - ?} \
     ORDER BY created_on LIMIT 1 OFFSET 499";

/// Deletes keys until some time.
pub const FORGET: &str = "DELETE FROM order_idempotency WHERE created_on <= ?";

/// Deletes keys of an age in seconds.
pub const FORGET_REST: &str = "DELETE FROM order_idempotency WHERE created_on < {now - ?}";

const OUTDATED: prune::Statements = prune::Statements {
    find: OLD,
    until: FORGET,
    rest: FORGET_REST,
};

/// The right to work on a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    idempotency_id: i64,
    lock_id: i64,
    /// The order that an earlier request with this key has stored.
    pub order_id: Option<i64>,
}

/// Decision about a request: run it, or replay the reply to an earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Run(Claim),
    Replay(Reply),
}

/// A row of [`FIND`].
#[derive(Clone, Debug, Deserialize)]
struct Record {
    idempotency_id: i64,
    fingerprint: String,
    lock_id: i64,
    /// Seconds since the lock was taken, by the database's clock. They are fewer
    /// than none after a fail-over to a database whose clock is slower.
    lock_age: i64,
    /// Seconds since the key was first used.
    age: i64,
    order_id: Option<i64>,
    status: Option<u16>,
    body: Option<String>,
}

/// State of a key, as its row tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Decision {
    /// The row is too old to count.
    Expired,
    /// The key is used for something else.
    OtherBody,
    /// The request was answered.
    Replay(Reply),
    /// Another request is working on it.
    InFlight,
    /// Whoever did it was cut off.
    Abandoned,
}

impl Record {
    fn decide(&self, fingerprint: &str) -> Decision {
        if is_over(self.age, RETENTION) {
            return Decision::Expired;
        }
        if self.fingerprint != fingerprint {
            return Decision::OtherBody;
        }
        match (self.status, &self.body) {
            (Some(status), Some(body)) => Decision::Replay(Reply {
                status,
                body: body.clone(),
            }),
            _ if is_over(self.lock_age, LOCK_TIMEOUT) => Decision::Abandoned,
            _ => Decision::InFlight,
        }
    }
}

/// Returns whether an age in seconds exceeds a limit.
fn is_over(age: i64, limit: Duration) -> bool {
    u64::try_from(age).is_ok_and(|age| age > limit.as_secs())
}

/// Asks for the right to work on a request.
///
/// # Errors
/// [`in_flight`], [`OTHER_BODY`], or those of the database.
pub(super) fn claim(customer_id: i64, key: &Key, fingerprint: &str) -> Result<Verdict> {
    let key_hash = key.hash();
    let lock_id = random()?;
    match add(customer_id, &key_hash, fingerprint, lock_id) {
        Ok(claim) => return Ok(Verdict::Run(claim)),
        Err(sql::Error::Conflict(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let record: Option<Record> = sql::query(FIND)
        .bind(customer_id)
        .bind(key_hash)
        .fetch_optional()?;
    // Deleted between the two statements: it expired just now.
    let record = record.ok_or_else(in_flight)?;
    match record.decide(fingerprint) {
        Decision::Expired => renew(&record, fingerprint, lock_id).map(Verdict::Run),
        Decision::OtherBody => Err(OTHER_BODY),
        Decision::Replay(reply) => Ok(Verdict::Replay(reply)),
        Decision::InFlight => Err(in_flight()),
        Decision::Abandoned => take_over(&record, lock_id).map(Verdict::Run),
    }
}

fn add(
    customer_id: i64,
    key_hash: &str,
    fingerprint: &str,
    lock_id: i64,
) -> Result<Claim, sql::Error> {
    let outcome = sql::query(ADD)
        .bind(customer_id)
        .bind(key_hash)
        .bind(fingerprint)
        .bind(lock_id)
        .execute()?;
    let idempotency_id = i64::try_from(outcome.last_insert_id)
        .map_err(|_| sql::Error::Decode("a key's id is past the range".to_owned()))?;
    Ok(Claim {
        idempotency_id,
        lock_id,
        order_id: None,
    })
}

fn take_over(record: &Record, lock_id: i64) -> Result<Claim> {
    let outcome = sql::query(TAKE_OVER)
        .bind(lock_id)
        .bind(record.idempotency_id)
        .bind(record.lock_id)
        .execute()?;
    claimed(outcome, record, lock_id, record.order_id)
}

fn renew(record: &Record, fingerprint: &str, lock_id: i64) -> Result<Claim> {
    let outcome = sql::query(RENEW)
        .bind(lock_id)
        .bind(fingerprint)
        .bind(record.idempotency_id)
        .bind(record.lock_id)
        .execute()?;
    claimed(outcome, record, lock_id, None)
}

/// Returns the claim, unless somebody else was faster.
fn claimed(
    outcome: sql::Outcome,
    record: &Record,
    lock_id: i64,
    order_id: Option<i64>,
) -> Result<Claim> {
    if outcome.rows_affected != 1 {
        return Err(in_flight());
    }
    Ok(Claim {
        idempotency_id: record.idempotency_id,
        lock_id,
        order_id,
    })
}

impl Claim {
    /// Notes the order in the transaction that stores it. Returns whether the
    /// claim still holds.
    ///
    /// # Errors
    /// Those of the database.
    pub fn note(&self, transaction: &Transaction, order_id: i64) -> Result<bool, sql::Error> {
        self.execute_note(transaction.query(NOTE), order_id)
    }

    /// Notes an order that is stored. Returns whether the claim still holds.
    ///
    /// # Errors
    /// Those of the database.
    pub fn note_alone(&self, order_id: i64) -> Result<bool, sql::Error> {
        self.execute_note(sql::query(NOTE), order_id)
    }

    fn execute_note(&self, note: sql::Query<'_>, order_id: i64) -> Result<bool, sql::Error> {
        let outcome = self.bind(note.bind(order_id)).execute()?;
        Ok(outcome.rows_affected == 1)
    }

    /// Keeps the answer.
    pub(super) fn complete(&self, reply: &Reply) -> Result<(), sql::Error> {
        let query = sql::query(COMPLETE).bind(reply.status);
        self.bind(query.bind(reply.body.as_str())).execute()?;
        Ok(())
    }

    /// Lets the next request with this key try again.
    pub(super) fn release(&self) -> Result<(), sql::Error> {
        let query = sql::query(RELEASE).bind(Seconds(LOCK_TIMEOUT + LOCK_TIMEOUT));
        self.bind(query).execute()?;
        Ok(())
    }

    fn bind<'a>(&self, query: sql::Query<'a>) -> sql::Query<'a> {
        query.bind(self.idempotency_id).bind(self.lock_id)
    }
}

/// Deletes keys that have expired.
///
/// # Errors
/// Those of the database.
pub fn delete_old() -> Result<(), sql::Error> {
    prune::delete(&OUTDATED, RETENTION)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            idempotency_id: 1,
            fingerprint: "same".to_owned(),
            lock_id: 2,
            lock_age: 30,
            age: 30,
            order_id: None,
            status: None,
            body: None,
        }
    }

    fn decide(record: &Record, fingerprint: &str) -> Decision {
        record.decide(fingerprint)
    }

    #[test]
    fn a_fresh_lock_holds() {
        for lock_age in [-5, 0, 30, 60] {
            let record = Record {
                lock_age,
                ..record()
            };
            assert_eq!(decide(&record, "same"), Decision::InFlight);
        }
    }

    #[test]
    fn an_old_lock_is_taken_over() {
        let record = Record {
            lock_age: 61,
            ..record()
        };
        assert_eq!(decide(&record, "same"), Decision::Abandoned);
    }

    #[test]
    fn another_body_is_refused_in_every_state() {
        let done = Record {
            status: Some(200),
            body: Some("{}".to_owned()),
            ..record()
        };
        for record in [record(), done] {
            assert_eq!(decide(&record, "other"), Decision::OtherBody);
        }
    }

    #[test]
    fn what_is_done_is_given_again() {
        let record = Record {
            status: Some(409),
            body: Some("{}".to_owned()),
            lock_age: 3600,
            ..record()
        };
        let reply = Reply {
            status: 409,
            body: "{}".to_owned(),
        };
        assert_eq!(decide(&record, "same"), Decision::Replay(reply));
    }

    #[test]
    fn after_a_day_a_key_is_new() {
        let record = Record {
            age: 24 * 60 * 60 + 1,
            status: Some(200),
            body: Some("{}".to_owned()),
            ..record()
        };
        assert_eq!(decide(&record, "same"), Decision::Expired);
        assert_eq!(decide(&record, "other"), Decision::Expired);
    }
}
