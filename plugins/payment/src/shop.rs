//! The shop's identity: random, made once, and kept in the database with the
//! attempts to pay.
//!
//! Order numbers are no proof that a charge is this shop's: another shop, one
//! for tests, or this one before its database was reset may use the same
//! account at the provider, and has the same numbers.

use std::time::Duration;

use edge_sdk::metrics;
use edge_sdk::sql::{self, Error, Seconds};

/// Selects the identity.
pub const FIND: &str = "SELECT shop_id FROM payment_shop WHERE one = 1";

/// Inserts a new identity; the primary key lets one of many through.
pub const CREATE: &str = "INSERT INTO payment_shop (one, shop_id, created_on) VALUES (1, ?, {now})";

/// Notes that the log reports other shops' charges, unless it did within the given
/// number of seconds.
pub const NOTE: &str = "UPDATE payment_shop SET foreign_noted_on = {now} \
     WHERE one = 1 AND (foreign_noted_on IS NULL OR foreign_noted_on < {now - ?})";

/// Shortest time between two log lines about other shops' charges.
const NOTE_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// Random bytes of an identity.
const BYTES: usize = 16;

/// Returns the shop's identity, which is made if there is none yet.
///
/// # Errors
/// When the database does not answer.
pub(crate) fn id() -> Result<String, Error> {
    if let Some(known) = find()? {
        return Ok(known);
    }
    let inserted = sql::query(CREATE).bind(random()?).execute();
    match inserted {
        // Another request or node was faster, or the next one reads this.
        Ok(_) | Err(Error::Conflict(_)) => sql::query(FIND).fetch_one(),
        Err(error) => Err(error),
    }
}

/// Counts an event about something that is not this shop's, and tells of it once
/// a day.
///
/// # Errors
/// When the database does not answer.
pub(crate) fn note_foreign(what: &str) -> Result<(), Error> {
    metrics::count("shop_payments_foreign_total", &[]);
    let noted = sql::query(NOTE).bind(Seconds(NOTE_EVERY)).execute()?;
    if noted.rows_affected > 0 {
        eprintln!(
            "the {what} is not of this shop, nor perhaps others at the same provider: \
             shop_payments_foreign_total counts their events"
        );
    }
    Ok(())
}

fn find() -> Result<Option<String>, Error> {
    sql::query(FIND).fetch_optional()
}

fn random() -> Result<String, Error> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::Unavailable(format!("no randomness: {error}")))?;
    Ok(hex::encode(bytes))
}
