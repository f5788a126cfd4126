//! Converts timestamps between plugins and databases.

use chrono::{DateTime, Utc};

use crate::sql::Error;

/// `strftime` format of timestamps given to plugins: ISO 8601, UTC,
/// milliseconds.
pub(in crate::sql) const INSTANT: &str = "%Y-%m-%dT%H:%M:%S%.3fZ";

/// Parses the value of a `timestamp` parameter, as RFC 3339.
pub(in crate::sql) fn instant(text: &str) -> Result<DateTime<Utc>, Error> {
    match DateTime::parse_from_rfc3339(text) {
        Ok(instant) => Ok(instant.to_utc()),
        Err(error) => Err(Error::Invalid(format!("the timestamp {text:?}: {error}"))),
    }
}

/// Formats the value of a `timestamp` parameter as [`INSTANT`], for databases
/// without a type for timestamps. Such texts sort chronologically.
pub(in crate::sql) fn instant_as_text(text: &str) -> Result<String, Error> {
    instant(text).map(|instant| instant.format(INSTANT).to_string())
}
