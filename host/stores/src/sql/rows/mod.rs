//! Forms in which the rows of a query are returned to a plugin.

pub(super) mod collector;
mod keyed;
mod packed;
pub(super) mod timestamp;

use std::borrow::Cow;

use crate::sql::{Rows, Value};

pub use keyed::KeyCell;
pub(super) use keyed::Keyed;
pub use packed::PackedRows;

/// A value as the driver holds it, borrowed where possible.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    /// SQL's NULL.
    Null,
    /// An integer.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// Text, and every type that is returned as text, such as exact decimals
    /// and dates.
    Text(Cow<'a, str>),
    /// Bytes.
    Blob(&'a [u8]),
}

/// Returns a value that is returned to plugins as text.
pub(super) fn text<'a>(text: impl Into<Cow<'a, str>>) -> Cell<'a> {
    Cell::Text(text.into())
}

/// A form of rows that is built value by value.
pub trait Form: Send + 'static {
    /// Returns an empty result.
    fn new() -> Self;

    /// Sets the names of the columns. Called once, before the first row.
    fn columns<'a>(&mut self, names: impl ExactSizeIterator<Item = &'a str>);

    /// Starts a row that has `values` values.
    fn row(&mut self, values: usize);

    /// Appends the next value to the current row.
    fn value(&mut self, cell: Cell<'_>);
}

/// Builds records of the WIT interface, in which every text is a separate
/// allocation in the guest's memory.
impl Form for Rows {
    fn new() -> Self {
        Self {
            columns: Vec::new(),
            rows: Vec::new(),
        }
    }

    fn columns<'a>(&mut self, names: impl ExactSizeIterator<Item = &'a str>) {
        self.columns = names.map(str::to_owned).collect();
    }

    fn row(&mut self, values: usize) {
        self.rows.push(Vec::with_capacity(values));
    }

    fn value(&mut self, cell: Cell<'_>) {
        let value = match cell {
            Cell::Null => Value::Null,
            Cell::Integer(number) => Value::Integer(number),
            Cell::Real(number) => Value::Real(number),
            Cell::Text(text) => Value::Text(text.into_owned()),
            Cell::Blob(bytes) => Value::Blob(bytes.to_owned()),
        };
        if let Some(row) = self.rows.last_mut() {
            row.push(value);
        }
    }
}
