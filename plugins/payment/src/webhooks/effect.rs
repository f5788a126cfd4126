//! What events do to attempts and orders. Everything here may be done again, and
//! beside the request that the event is about.

use edge_sdk::sql::Error;

use crate::attempt::{Attempt, State};
use crate::attempts;
use crate::orders::{self, Status};
use crate::provider::outcome::{self, Outcome};
use crate::provider::receipt::{Charge, Receipt};
use crate::settlement::{self, Told};

/// What became of an event.
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

impl From<Told> for Effect {
    fn from(told: Told) -> Self {
        match told {
            Told::Now => Self::Whole,
            Told::Later => Self::Later,
        }
    }
}

/// A card was charged or declined: that settles the attempt, if it is open.
pub(super) fn settled(receipt: Receipt) -> Result<Effect, Error> {
    let charge = receipt.charge.clone();
    let Some(attempt) = origin(&charge)? else {
        return Ok(stray(&charge));
    };
    if attempt.state == State::Open {
        let outcome = outcome::of_receipt(&attempt, receipt);
        // A charge on its way settles nothing, and its request may still run.
        if matches!(outcome, Outcome::Unknown(_)) {
            return Ok(Effect::Whole);
        }
        if settlement::record(&attempt, &outcome)? == Told::Later {
            return Ok(Effect::Later);
        }
    }
    // Somebody else may have recorded the outcome in between.
    match origin(&charge)? {
        Some(attempt) => known(&attempt, &charge),
        None => Ok(stray(&charge)),
    }
}

/// A charge was given back. Of a part, the order knows nothing.
pub(super) fn refunded(receipt: Receipt) -> Result<Effect, Error> {
    let charge = receipt.charge.clone();
    if !charge.refunded {
        return Ok(Effect::Whole);
    }
    // The event may come before anybody knew of the charge.
    let effect = settled(receipt)?;
    let (Effect::Whole, Some(attempt)) = (&effect, origin(&charge)?) else {
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

/// The attempt that a charge is of, by what the shop wrote on it.
fn origin(charge: &Charge) -> Result<Option<Attempt>, Error> {
    match charge.origin() {
        Some((order_id, number)) => attempts::numbered(order_id, number),
        None => Ok(None),
    }
}

/// A charge that the shop has no attempt for.
fn stray(charge: &Charge) -> Effect {
    if charge.succeeded() {
        Effect::Alarm(format!("charge {} is of no attempt", charge.id))
    } else {
        Effect::Whole
    }
}

/// What a charge means for an attempt whose outcome is known.
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
