//! The export of the component, `shop:payments/payments`: giving an order's
//! charge back.

use edge_sdk::sql;

use crate::attempts;
use crate::bindings::exports::shop::payments::payments::{Error, Guest};
use crate::model::State;
use crate::provider::outcome::RefundOutcome;
use crate::refunds;

/// The type that implements the exported interface.
#[derive(Debug)]
pub struct Exports;

edge_sdk::export_service!(Exports, crate::bindings);

impl Guest for Exports {
    /// Refunds the order's charge, all of it, once however often it is asked.
    fn refund(order_id: i64) -> Result<(), Error> {
        let attempt = attempts::current(order_id)?.ok_or(Error::NotFound)?;
        match attempt.state {
            State::Refunded => Ok(()),
            State::Captured => match attempt.charge_id.as_deref() {
                Some(charge_id) => answer(refunds::refund_charge(&attempt, charge_id)?),
                None => Err(Error::NotFound),
            },
            State::Open => Err(Error::Unavailable(
                "the order is being paid at this moment".to_owned(),
            )),
            State::Failed | State::Suspicious => Err(Error::NotFound),
        }
    }
}

fn answer(outcome: RefundOutcome) -> Result<(), Error> {
    match outcome {
        RefundOutcome::Refunded(_) => Ok(()),
        RefundOutcome::Refused(why) => Err(Error::Refused(why)),
        RefundOutcome::Unknown(why) => Err(Error::Unavailable(why)),
    }
}

impl From<sql::Error> for Error {
    fn from(error: sql::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}
