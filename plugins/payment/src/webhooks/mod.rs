//! `/stripe/webhooks`: what Stripe tells by itself, in any order, any number of
//! times, before or after its own replies.

mod effect;
mod event;
pub mod events;
mod origin;
mod signature;

use edge_sdk::{Failure, Request, Response, Result, clock, config};
use serde::Serialize;

use crate::clients::orders;
use crate::provider::Provider;
use crate::shop;
use effect::Effect;
use event::{Event, Kind};
use origin::Origin;

const SECRET: &str = "STRIPE_WEBHOOK_SECRET";

/// Refusal while webhooks are not set up.
pub const NO_SECRET: Failure =
    Failure::malformed("Webhooks are refused: STRIPE_WEBHOOK_SECRET is not set.");

/// Refusal of a request that is not from Stripe, or is too old.
pub const BAD_SIGNATURE: Failure =
    Failure::malformed("The Stripe-Signature is missing, wrong or out of time.");

const UNREADABLE: Failure = Failure::malformed("The event cannot be read.");

#[derive(Serialize)]
struct Received {
    received: bool,
}

/// POST `/stripe/webhooks`.
///
/// # Errors
/// 400 for a signature that does not hold, or an event that cannot be read;
/// 503 while the event's effect is not possible, so that Stripe sends it again.
pub fn receive(request: &Request) -> Result<Response> {
    let secrets = config::get(SECRET)?.unwrap_or_default();
    if signature::secrets(&secrets).next().is_none() {
        return Err(NO_SECRET);
    }
    let header = request.header("stripe-signature").unwrap_or_default();
    let signed = signature::verify(&header, request.body(), &secrets, clock::unix_seconds());
    signed.map_err(|error| {
        eprintln!("a webhook was refused: {error}");
        BAD_SIGNATURE
    })?;
    let event = Event::read(request.body()).map_err(|error| {
        eprintln!("an event cannot be read: {error}");
        UNREADABLE
    })?;
    handle(&event)?;
    Response::json(&Received { received: true })
}

/// Has the event's effect, once. An event is done when its effect is whole:
/// until then, Stripe's next delivery goes on with it.
fn handle(event: &Event) -> Result<()> {
    let Some(kind) = event.kind() else {
        return Ok(());
    };
    let shop_id = shop::id()?;
    if event.is_for_another_account() || event.livemode != Provider::configured()?.is_live() {
        shop::note_foreign(&format!("event {}", event.id))?;
        return Ok(());
    }
    let receipt = event.receipt().map_err(|error| {
        eprintln!("the charge of event {} cannot be read: {error}", event.id);
        UNREADABLE
    })?;
    if let Origin::Foreign = origin::find(&receipt.charge, &shop_id)? {
        shop::note_foreign(&format!("charge {}", receipt.charge.id))?;
        return Ok(());
    }
    if !events::begin(event, &receipt.charge.id)? {
        return Ok(());
    }
    let effect = match kind {
        Kind::Succeeded | Kind::Failed => effect::settled(receipt, &shop_id)?,
        Kind::Refunded => effect::refunded(receipt, &shop_id)?,
    };
    match effect {
        Effect::Whole => events::done(event, None)?,
        Effect::Alarm(what) => {
            eprintln!("ALARM: event {}: {what}", event.id);
            events::done(event, Some(&what))?;
        }
        Effect::Later => return Err(orders::unavailable("an event has to wait")),
    }
    Ok(())
}
