//! From an open attempt to a certain outcome, known to the order service. Every
//! step may be done again, and by several at once: the provider knows the key,
//! the database lets one record the result, and orders take it once.

use edge_sdk::metrics;
use edge_sdk::sql::Error;

use crate::clients::orders::{self, Status};
use crate::model::{Attempt, KEY_LIFETIME, SEARCH_LAG, State};
use crate::provider::Provider;
use crate::provider::outcome::{Outcome, RefundOutcome};
use crate::{attempts, declines, refunds};

/// State of the report to the order service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notified {
    /// The order service knows the outcome.
    Now,
    /// The order service is not available; scheduled work goes on.
    Later,
}

/// Next step for an open attempt.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Ask for the charge, with the attempt's key.
    Charge,
    /// Stripe repeats even errors of its own under the same key, so look whether
    /// there is a charge. That there is none yet proves nothing.
    Search,
    /// The provider may have forgotten the key, or the order must not be
    /// charged any more: what is not charged by now is given up.
    LookUp,
    /// Nothing was sent yet, and nothing is going to be.
    Withdraw(String),
    /// Wait: the time has not come, or the order service does not answer.
    Wait(String),
}

/// Facts about an open attempt, from which the next step follows.
struct Situation {
    /// Reply of the order service to the hold.
    hold: Result<(), orders::Error>,
    /// True if the caller has made the attempt itself, just now.
    is_new: bool,
    /// True if the provider may have forgotten the attempt's key.
    is_forgotten: bool,
    /// True if a search would find a charge by now.
    is_searchable: bool,
    /// Number of times that the outcome stayed unknown.
    tries: u32,
}

/// Sees an open attempt through, that the caller has to itself.
///
/// # Errors
/// When the database does not answer: the outcome is not recorded, and will be
/// asked for again.
pub(crate) fn settle(attempt: &Attempt, is_new: bool) -> Result<Outcome, Error> {
    let outcome = ask(attempt, is_new);
    record(attempt, &outcome)?;
    Ok(outcome)
}

/// Records an outcome, and tells the order service of it.
///
/// # Errors
/// When the database does not answer.
pub(crate) fn record(attempt: &Attempt, outcome: &Outcome) -> Result<Notified, Error> {
    match outcome {
        Outcome::Captured(receipt) => {
            if attempts::capture(attempt, receipt)? {
                count("captured");
                return paid(attempt, &receipt.charge.id);
            }
            check_recorded(attempt, &receipt.charge.id)?;
        }
        Outcome::Suspicious(receipt, why) => {
            let charge_id = &receipt.charge.id;
            if attempts::suspect(attempt, receipt, why)? {
                count("suspicious");
            }
            alarm(attempt, &format!("charge {charge_id}: {why}"));
        }
        Outcome::Declined(decline) => {
            if attempts::fail(attempt, &decline.code)? {
                count("declined");
                declines::count(attempt.customer_id);
                return failed(attempt);
            }
        }
        Outcome::Refused(why) | Outcome::Nothing(why) => {
            eprintln!("{}: failed: {why}", attempt.charge_key());
            if attempts::fail(attempt, why)? {
                count("refused");
                return failed(attempt);
            }
        }
        Outcome::Unknown(why) => {
            eprintln!("{}: the outcome is unknown: {why}", attempt.charge_key());
            metrics::count("shop_payments_unknown_total", &[]);
            attempts::postpone(attempt)?;
        }
    }
    Ok(Notified::Now)
}

/// Counts for operators an attempt that came to an end.
fn count(outcome: &str) {
    metrics::count("shop_payments_total", &[("outcome", outcome)]);
}

/// Tells the order service that the order is paid. An order that was cancelled
/// meanwhile is not charged for: the money goes back.
///
/// # Errors
/// When the database does not answer.
pub(crate) fn paid(attempt: &Attempt, charge_id: &str) -> Result<Notified, Error> {
    match orders::pay(attempt.order_id, charge_id, attempt.amount) {
        Ok(()) => attempts::notified(attempt, State::Captured)?,
        Err(orders::Error::WrongStatus(Status::Cancelled)) => {
            alarm(attempt, "the order was cancelled; the charge is given back");
            if let RefundOutcome::Unknown(_) = refunds::refund_charge(attempt, charge_id)? {
                return later(attempt, "the refund is unknown");
            }
            attempts::notified(attempt, State::Captured)?;
        }
        Err(orders::Error::Unavailable(why)) => return later(attempt, &why),
        Err(error) => {
            alarm(attempt, &format!("charge {charge_id}: {error:?}"));
            attempts::notified(attempt, State::Captured)?;
        }
    }
    Ok(Notified::Now)
}

/// Tells the order service that nothing came of the attempt, which the caller has
/// to itself. Until it knows, the order has no other attempt, whose hold this
/// would end.
///
/// # Errors
/// When the database does not answer.
pub(crate) fn failed(attempt: &Attempt) -> Result<Notified, Error> {
    match orders::release_hold(attempt.order_id) {
        Err(orders::Error::Unavailable(why)) => later(attempt, &why),
        // An order that is gone, or in another status, is not held either.
        Ok(()) | Err(orders::Error::NotFound | orders::Error::WrongStatus(_)) => {
            attempts::notified(attempt, State::Failed)?;
            Ok(Notified::Now)
        }
    }
}

/// Writes a line into the log for the operator: money and orders may not agree.
pub(crate) fn alarm(attempt: &Attempt, what: &str) {
    eprintln!("ALARM: {}: {what}", attempt.charge_key());
}

fn later(attempt: &Attempt, why: &str) -> Result<Notified, Error> {
    eprintln!("{}: to be told later: {why}", attempt.charge_key());
    attempts::notify_later(attempt)?;
    Ok(Notified::Later)
}

/// Checks the outcome that somebody else was faster to record: it should be the
/// same.
fn check_recorded(attempt: &Attempt, charge_id: &str) -> Result<(), Error> {
    let recorded = attempts::numbered(attempt.order_id, attempt.number)?;
    let recorded = recorded.and_then(|recorded| recorded.charge_id);
    if recorded.as_deref() != Some(charge_id) {
        alarm(
            attempt,
            &format!("charge {charge_id} is of no open attempt"),
        );
    }
    Ok(())
}

fn ask(attempt: &Attempt, is_new: bool) -> Outcome {
    let provider = match Provider::for_attempt(attempt) {
        Ok(provider) => provider,
        Err(why) => return Outcome::Unknown(why.to_string()),
    };
    let situation = Situation {
        hold: orders::hold(attempt.order_id, attempt.customer_id).map(|_| ()),
        is_new,
        is_forgotten: attempt.is_older_than(KEY_LIFETIME),
        is_searchable: attempt.is_older_than(SEARCH_LAG),
        tries: attempt.tries,
    };
    match next(situation) {
        Step::Charge => provider.charge(attempt),
        Step::Search => {
            let absent = Outcome::Unknown("no charge was found yet".to_owned());
            look_up(&provider, attempt, absent)
        }
        Step::LookUp => {
            let absent = Outcome::Nothing("given up: no charge was found".to_owned());
            look_up(&provider, attempt, absent)
        }
        Step::Withdraw(why) => Outcome::Nothing(why),
        Step::Wait(why) => Outcome::Unknown(why),
    }
}

fn look_up(provider: &Provider, attempt: &Attempt, absent: Outcome) -> Outcome {
    match provider.find(attempt) {
        Ok(Some(receipt)) => Outcome::from_receipt(attempt, receipt),
        Ok(None) => absent,
        Err(why) => Outcome::Unknown(why.to_string()),
    }
}

fn next(situation: Situation) -> Step {
    match situation.hold {
        Ok(()) if situation.is_forgotten => Step::LookUp,
        Ok(()) if situation.is_searchable && situation.tries % 2 == 1 => Step::Search,
        Ok(()) => Step::Charge,
        Err(orders::Error::Unavailable(why)) => Step::Wait(why),
        Err(error) if situation.is_new => Step::Withdraw(format!("the order: {error:?}")),
        Err(_) if situation.is_searchable => Step::LookUp,
        Err(error) => Step::Wait(format!("the order: {error:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: Situation = Situation {
        hold: Ok(()),
        is_new: true,
        is_forgotten: false,
        is_searchable: false,
        tries: 0,
    };
    const RETRIED: Situation = Situation {
        is_new: false,
        ..NEW
    };

    fn cancelled() -> Result<(), orders::Error> {
        Err(orders::Error::WrongStatus(Status::Cancelled))
    }

    #[test]
    fn a_held_order_is_charged_while_the_key_is_remembered() {
        assert_eq!(next(NEW), Step::Charge);
        assert_eq!(next(RETRIED), Step::Charge);
        let old = Situation {
            is_searchable: true,
            ..RETRIED
        };
        assert_eq!(next(old), Step::Charge);
        let searched = Situation {
            is_searchable: true,
            tries: 5,
            ..RETRIED
        };
        assert_eq!(next(searched), Step::Search);
        let forgotten = Situation {
            is_forgotten: true,
            is_searchable: true,
            ..RETRIED
        };
        assert_eq!(next(forgotten), Step::LookUp);
    }

    #[test]
    fn an_order_that_cannot_be_held_is_not_charged() {
        let new = Situation {
            hold: cancelled(),
            ..NEW
        };
        assert!(matches!(next(new), Step::Withdraw(_)));
        let retried = Situation {
            hold: cancelled(),
            ..RETRIED
        };
        assert!(matches!(next(retried), Step::Wait(_)));
        let searchable = Situation {
            hold: Err(orders::Error::NotFound),
            is_searchable: true,
            ..RETRIED
        };
        assert_eq!(next(searchable), Step::LookUp);
    }

    #[test]
    fn without_the_order_service_nothing_is_sent() {
        for is_new in [true, false] {
            let situation = Situation {
                hold: Err(orders::Error::Unavailable("down".to_owned())),
                is_new,
                is_forgotten: true,
                is_searchable: true,
                tries: 1,
            };
            assert!(matches!(next(situation), Step::Wait(_)));
        }
    }
}
