//! Effects of events on attempts and orders. Everything here may be done again, and
//! beside the request that the event is about.

use edge_sdk::sql::Error;

use super::origin::{self, Origin};
use crate::attempts;
use crate::clients::orders::{self, Status};
use crate::model::{Attempt, State};
use crate::provider::outcome::Outcome;
use crate::provider::receipt::{Charge, Receipt};
use crate::settlement::{self, Notified};

/// Outcome of handling an event.
#[derive(Debug)]
#[must_use]
pub(super) enum Effect {
    /// All that follows from it is done.
    Whole,
    /// A person should look at it; the text says why.
    Alarm(String),
    /// The order service is not available.
    Later,
}

impl From<Notified> for Effect {
    fn from(notified: Notified) -> Self {
        match notified {
            Notified::Now => Self::Whole,
            Notified::Later => Self::Later,
        }
    }
}

/// Handles a card that was charged or declined: that settles the attempt, if it is
/// open.
pub(super) fn settled(receipt: Receipt, shop_id: &str) -> Result<Effect, Error> {
    let charge = receipt.charge.clone();
    let attempt = match origin::find(&charge, shop_id)? {
        Origin::Attempt(attempt) => attempt,
        other => return Ok(without_attempt(&other, &charge)),
    };
    if attempt.state == State::Open {
        let outcome = Outcome::from_receipt(&attempt, receipt);
        // A charge on its way settles nothing, and its request may still run.
        if matches!(outcome, Outcome::Unknown(_)) {
            return Ok(Effect::Whole);
        }
        if settlement::record(&attempt, &outcome)? == Notified::Later {
            return Ok(Effect::Later);
        }
    }
    // Somebody else may have recorded the outcome in between.
    match origin::find(&charge, shop_id)? {
        Origin::Attempt(attempt) => known(&attempt, &charge),
        other => Ok(without_attempt(&other, &charge)),
    }
}

/// Handles a charge that was refunded. Of a part, the order knows nothing.
pub(super) fn refunded(receipt: Receipt, shop_id: &str) -> Result<Effect, Error> {
    let charge = receipt.charge.clone();
    if !charge.refunded {
        return Ok(Effect::Whole);
    }
    // The event may come before anybody knew of the charge.
    let effect = settled(receipt, shop_id)?;
    let (Effect::Whole, Origin::Attempt(attempt)) = (&effect, origin::find(&charge, shop_id)?)
    else {
        return Ok(effect);
    };
    match attempt.state {
        State::Captured => {
            attempts::refund(&attempt, None)?;
            refund_order(&attempt)
        }
        State::Refunded => refund_order(&attempt),
        State::Suspicious => {
            if attempts::fail(&attempt, "the wrong charge was given back")? {
                return Ok(settlement::failed(&attempt)?.into());
            }
            Ok(Effect::Whole)
        }
        State::Open | State::Failed => Ok(Effect::Whole),
    }
}

/// Returns the effect of a charge that no attempt of the shop is known for.
fn without_attempt(origin: &Origin, charge: &Charge) -> Effect {
    match origin {
        Origin::Unsettled => Effect::Later,
        Origin::Lost if charge.succeeded() => {
            Effect::Alarm(format!("charge {} is of no attempt", charge.id))
        }
        Origin::Lost | Origin::Foreign | Origin::Attempt(_) => Effect::Whole,
    }
}

/// Returns the effect of a charge on an attempt whose outcome is known.
fn known(attempt: &Attempt, charge: &Charge) -> Result<Effect, Error> {
    let same = attempt.charge_id.as_deref() == Some(charge.id.as_str());
    match attempt.state {
        State::Captured | State::Refunded if same && attempt.told_on.is_none() => {
            Ok(settlement::paid(attempt, &charge.id)?.into())
        }
        State::Failed if !charge.succeeded() && attempt.told_on.is_none() => {
            if !attempts::take(attempt)? {
                return Ok(Effect::Later);
            }
            Ok(settlement::failed(attempt)?.into())
        }
        State::Open => Ok(Effect::Later),
        _ if same || !charge.succeeded() => Ok(Effect::Whole),
        state => Ok(Effect::Alarm(format!(
            "charge {} is of an attempt that is {}",
            charge.id,
            state.name()
        ))),
    }
}

fn refund_order(attempt: &Attempt) -> Result<Effect, Error> {
    Ok(match orders::refund(attempt.order_id) {
        Ok(()) | Err(orders::Error::WrongStatus(Status::Refunded | Status::Cancelled)) => {
            Effect::Whole
        }
        Err(orders::Error::Unavailable(_)) => Effect::Later,
        Err(error) => Effect::Alarm(format!("order {}: {error:?}", attempt.order_id)),
    })
}
