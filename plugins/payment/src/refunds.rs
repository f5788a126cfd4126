//! Giving an order's charge back, as other services ask for it.

use edge_sdk::{metrics, sql};

use crate::attempt::{Attempt, State};
use crate::attempts;
use crate::bindings::exports::shop::payments::payments::Error;
use crate::provider::Provider;
use crate::provider::outcome::Given;

/// Gives the order's charge back, all of it, once however often it is asked.
///
/// # Errors
/// When the order has no charge, the provider refuses, or nobody knows.
#[cfg_attr(
    not(target_family = "wasm"),
    allow(dead_code, reason = "only components export it")
)]
pub(crate) fn refund(order_id: i64) -> Result<(), Error> {
    let attempt = attempts::current(order_id)?.ok_or(Error::NotFound)?;
    match attempt.state {
        State::Refunded => Ok(()),
        State::Captured => match attempt.charge_id.as_deref() {
            Some(charge_id) => answer(give_back(&attempt, charge_id)?),
            None => Err(Error::NotFound),
        },
        State::Open => Err(Error::Unavailable(
            "the order is being paid at this moment".to_owned(),
        )),
        State::Failed | State::Suspicious => Err(Error::NotFound),
    }
}

/// Asks the provider to give the charge back, and records that it did.
///
/// # Errors
/// When the database does not answer: asking again is safe.
pub(crate) fn give_back(attempt: &Attempt, charge_id: &str) -> Result<Given, sql::Error> {
    let given = match Provider::of(attempt) {
        Ok(provider) => provider.refund(attempt, charge_id),
        Err(why) => Given::Unknown(why.to_string()),
    };
    match &given {
        Given::Back(refund_id) => {
            if attempts::refund(attempt, refund_id.as_deref())? {
                metrics::count("shop_refunds_total", &[]);
            }
        }
        Given::Refused(why) => {
            eprintln!(
                "ALARM: {}: charge {charge_id}: {why}",
                attempt.refund_key(charge_id)
            );
        }
        Given::Unknown(why) => {
            eprintln!(
                "{}: the outcome is unknown: {why}",
                attempt.refund_key(charge_id)
            );
        }
    }
    Ok(given)
}

fn answer(given: Given) -> Result<(), Error> {
    match given {
        Given::Back(_) => Ok(()),
        Given::Refused(why) => Err(Error::Refused(why)),
        Given::Unknown(why) => Err(Error::Unavailable(why)),
    }
}

impl From<sql::Error> for Error {
    fn from(error: sql::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}
