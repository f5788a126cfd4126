//! The events that have been received, by id: each has its effect once.

use std::time::Duration;

use edge_sdk::sql::{self, Error, Seconds};

use super::event::Event;

/// Time for which events are remembered. Stripe delivers them for three days.
const RETENTION: Duration = Duration::from_secs(30 * 24 * 3600);

/// Inserts a new event.
pub const BEGIN: &str =
    "INSERT INTO stripe_event (event_id, kind, charge_id, received_on) VALUES (?, ?, ?, {now})";

/// Selects whether an event's effect is complete.
pub const IS_DONE: &str = "SELECT done_on IS NOT NULL FROM stripe_event WHERE event_id = ?";

/// Records that an event's effect is complete.
pub const DONE: &str =
    "UPDATE stripe_event SET done_on = {now}, alarm = ? WHERE event_id = ? AND done_on IS NULL";

/// Deletes events of an age in seconds. What an operator should look at stays.
pub const FORGET: &str = "DELETE FROM stripe_event WHERE received_on < {now - ?} AND done_on IS NOT NULL AND alarm IS NULL";

/// Records an event. False if its effect is complete already; one that was
/// begun and not completed is begun again, which its effects allow.
pub(super) fn begin(event: &Event, charge_id: &str) -> Result<bool, Error> {
    let inserted = sql::query(BEGIN)
        .bind(event.id.as_str())
        .bind(event.name())
        .bind(charge_id)
        .execute();
    match inserted {
        Ok(_) => Ok(true),
        Err(Error::Conflict(_)) => {
            let done: Option<bool> = sql::query(IS_DONE)
                .bind(event.id.as_str())
                .fetch_optional()?;
            Ok(done != Some(true))
        }
        Err(error) => Err(error),
    }
}

/// Records that an event's effect is complete, and what an operator should look at.
pub(super) fn done(event: &Event, alarm: Option<&str>) -> Result<(), Error> {
    sql::query(DONE)
        .bind(alarm)
        .bind(event.id.as_str())
        .execute()?;
    Ok(())
}

/// Forgets old events.
pub(crate) fn forget() -> Result<(), Error> {
    sql::query(FORGET).bind(Seconds(RETENTION)).execute()?;
    Ok(())
}
