//! Collects the rows of a query within its limits, and converts timestamps
//! between plugins and databases.

use chrono::{DateTime, Utc};

use super::CallLimits;
use super::rows::{Cell, Form};
use crate::sql::{Error, Value};

/// Collects a query's rows in the form `F`, within the limits of the call.
pub(super) struct Collector<F> {
    limits: CallLimits,
    columns: usize,
    rows: usize,
    bytes: usize,
    form: F,
}

impl<F: Form> Collector<F> {
    pub(super) fn new(limits: CallLimits) -> Self {
        Self {
            limits,
            columns: 0,
            rows: 0,
            bytes: 0,
            form: F::new(),
        }
    }

    pub(super) fn has_columns(&self) -> bool {
        self.columns > 0
    }

    pub(super) fn set_columns<'a>(&mut self, names: impl ExactSizeIterator<Item = &'a str>) {
        self.columns = names.len();
        self.form.columns(names);
    }

    /// Adds one row.
    ///
    /// # Errors
    /// When a value cannot be read, or the row exceeds the limit of rows or of
    /// bytes.
    pub(super) fn push<'a>(
        &mut self,
        row: impl Iterator<Item = Result<Cell<'a>, Error>>,
    ) -> Result<(), Error> {
        if self.rows == self.limits.rows {
            return Err(Error::TooLarge(format!(
                "a query returns at most {} rows",
                self.limits.rows
            )));
        }
        self.rows += 1;
        self.form.row(self.columns);
        for cell in row {
            self.add(cell?)?;
        }
        Ok(())
    }

    fn add(&mut self, cell: Cell<'_>) -> Result<(), Error> {
        self.bytes += weight(&cell);
        if self.bytes > self.limits.bytes {
            return Err(Error::TooLarge(format!(
                "a query returns at most {} bytes",
                self.limits.bytes
            )));
        }
        self.form.value(cell);
        Ok(())
    }

    pub(super) fn finish(self) -> F {
        self.form
    }
}

/// Returns the size in bytes that a value counts towards the limit: its content
/// plus one entry of a list, in whatever form the rows are returned.
fn weight(cell: &Cell<'_>) -> usize {
    let content = match cell {
        Cell::Text(text) => text.len(),
        Cell::Blob(bytes) => bytes.len(),
        Cell::Null | Cell::Integer(_) | Cell::Real(_) => 0,
    };
    size_of::<Value>() + content
}

/// `strftime` format of timestamps given to plugins: ISO 8601, UTC,
/// milliseconds.
pub(super) const INSTANT: &str = "%Y-%m-%dT%H:%M:%S%.3fZ";

/// Parses the value of a `timestamp` parameter, as RFC 3339.
pub(super) fn instant(text: &str) -> Result<DateTime<Utc>, Error> {
    match DateTime::parse_from_rfc3339(text) {
        Ok(instant) => Ok(instant.to_utc()),
        Err(error) => Err(Error::Invalid(format!("the timestamp {text:?}: {error}"))),
    }
}

/// Formats the value of a `timestamp` parameter as [`INSTANT`], for databases
/// without a type for timestamps. Such texts sort chronologically.
pub(super) fn instant_as_text(text: &str) -> Result<String, Error> {
    instant(text).map(|instant| instant.format(INSTANT).to_string())
}
