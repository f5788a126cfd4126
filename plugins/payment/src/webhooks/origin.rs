//! Where a charge comes from: a charge is an order's only if it was made for
//! this order of this shop.

use edge_sdk::sql::Error;

use crate::attempts;
use crate::model::{Attempt, State};
use crate::provider::receipt::Charge;

/// Where a charge comes from.
#[derive(Debug)]
pub(super) enum Origin {
    /// This attempt of this shop.
    Attempt(Box<Attempt>),
    /// This shop, by what is written on the charge, which has no such attempt.
    Lost,
    /// Perhaps an open attempt from before shops had identities. What it
    /// charged is certain when it has been settled by its idempotency key.
    Unsettled,
    /// Somebody else.
    Foreign,
}

/// Returns where a charge comes from, for the shop with this identity.
pub(super) fn find(charge: &Charge, shop_id: &str) -> Result<Origin, Error> {
    match charge.shop_id() {
        Some(shop) if shop == shop_id => own(charge),
        Some(_) => Ok(Origin::Foreign),
        None => unmarked(charge),
    }
}

fn own(charge: &Charge) -> Result<Origin, Error> {
    let found = numbered(charge)?.filter(|attempt| charge.is_marked_for(attempt));
    Ok(found.map_or(Origin::Lost, attempt))
}

/// Finds the origin of a charge without an identity, which can only be of an
/// attempt without one: by the charge's id, where that is known, and otherwise
/// by all that was asked for.
fn unmarked(charge: &Charge) -> Result<Origin, Error> {
    let is_old = |attempt: &Attempt| attempt.shop_id.is_none();
    if let Some(known) = attempts::charged(&charge.id)?.filter(is_old) {
        return Ok(attempt(known));
    }
    let same = numbered(charge)?.filter(|attempt| is_old(attempt) && charge.belongs_to(attempt));
    Ok(match same {
        Some(old) if old.state == State::Open => Origin::Unsettled,
        Some(old) if old.charge_id.is_none() => attempt(old),
        // The attempt has another charge.
        _ => Origin::Foreign,
    })
}

fn numbered(charge: &Charge) -> Result<Option<Attempt>, Error> {
    match charge.numbers() {
        Some((order_id, number)) => attempts::numbered(order_id, number),
        None => Ok(None),
    }
}

fn attempt(attempt: Attempt) -> Origin {
    Origin::Attempt(Box::new(attempt))
}
