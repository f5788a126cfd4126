//! Collects the rows of a query within its limits.

use super::{Cell, Form};
use crate::sql::{CallLimits, Error, Value};

/// Collects a query's rows in the form `F`, within the limits of the call.
pub(in crate::sql) struct Collector<F> {
    limits: CallLimits,
    columns: usize,
    rows: usize,
    bytes: usize,
    form: F,
}

impl<F: Form> Collector<F> {
    pub(in crate::sql) fn new(limits: CallLimits) -> Self {
        Self {
            limits,
            columns: 0,
            rows: 0,
            bytes: 0,
            form: F::new(),
        }
    }

    pub(in crate::sql) fn has_columns(&self) -> bool {
        self.columns > 0
    }

    pub(in crate::sql) fn set_columns<'a>(
        &mut self,
        names: impl ExactSizeIterator<Item = &'a str>,
    ) {
        self.columns = names.len();
        self.form.columns(names);
    }

    /// Adds one row.
    ///
    /// # Errors
    /// When a value cannot be read, or the row exceeds the limit of rows or of
    /// bytes.
    pub(in crate::sql) fn push<'a>(
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

    pub(in crate::sql) fn finish(self) -> F {
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
