//! Values on their way between plugins and databases, and the bounds of what
//! one call may return.

use chrono::{DateTime, Utc};

use super::CallLimits;
use crate::bindings::sql::{Error, Rows, Value};

/// Collects a query's rows, within its limits.
pub(super) struct Collector {
    limits: CallLimits,
    bytes: usize,
    rows: Rows,
}

impl Collector {
    pub(super) fn new(limits: CallLimits) -> Self {
        Self {
            limits,
            bytes: 0,
            rows: Rows {
                columns: Vec::new(),
                rows: Vec::new(),
            },
        }
    }

    pub(super) fn has_columns(&self) -> bool {
        !self.rows.columns.is_empty()
    }

    pub(super) fn set_columns(&mut self, columns: Vec<String>) {
        self.rows.columns = columns;
    }

    /// # Errors
    /// When the row is one too many, or its bytes are.
    pub(super) fn push(&mut self, row: Vec<Value>) -> Result<(), Error> {
        if self.rows.rows.len() == self.limits.rows {
            return Err(Error::TooLarge(format!(
                "a query returns at most {} rows",
                self.limits.rows
            )));
        }
        self.bytes += row.iter().map(size).sum::<usize>();
        if self.bytes > self.limits.bytes {
            return Err(Error::TooLarge(format!(
                "a query returns at most {} bytes",
                self.limits.bytes
            )));
        }
        self.rows.rows.push(row);
        Ok(())
    }

    pub(super) fn finish(self) -> Rows {
        self.rows
    }
}

/// What a value weighs on its way: its content, and its own place in a list.
fn size(value: &Value) -> usize {
    let content = match value {
        Value::Text(text) | Value::Timestamp(text) => text.len(),
        Value::Blob(bytes) => bytes.len(),
        Value::Null | Value::Integer(_) | Value::Real(_) => 0,
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
