//! Values on their way between plugins and databases, and the bounds of what
//! one call may return.

use chrono::{DateTime, Utc};

use super::CallLimits;
use super::rows::{Cell, Form};
use crate::sql::{Error, Value};

/// Collects a query's rows in some form, within its limits.
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

    /// # Errors
    /// When a value cannot be read, the row is one too many, or its bytes are.
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

/// What a value weighs on its way, in whatever form: its content, and its own
/// place in a list.
fn weight(cell: &Cell<'_>) -> usize {
    let content = match cell {
        Cell::Text(text) => text.len(),
        Cell::Blob(bytes) => bytes.len(),
        Cell::Null | Cell::Integer(_) | Cell::Real(_) => 0,
    };
    size_of::<Value>() + content
}

/// ISO 8601, UTC, milliseconds: the form in which instants cross to plugins.
pub(super) const INSTANT: &str = "%Y-%m-%dT%H:%M:%S%.3fZ";

/// The instant that a `timestamp` parameter names.
pub(super) fn instant(text: &str) -> Result<DateTime<Utc>, Error> {
    match DateTime::parse_from_rfc3339(text) {
        Ok(instant) => Ok(instant.to_utc()),
        Err(error) => Err(Error::Invalid(format!("the timestamp {text:?}: {error}"))),
    }
}

/// The same instant in the form of [`INSTANT`], for databases that have no type
/// for it: such texts sort as instants do.
pub(super) fn instant_as_text(text: &str) -> Result<String, Error> {
    instant(text).map(|instant| instant.format(INSTANT).to_string())
}
