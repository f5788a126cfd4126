//! What a query's rows are made into on their way to a plugin.

use std::borrow::Cow;

use crate::sql::{Rows, Value};

/// A value as the driver has it, not copied yet.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    /// NULL.
    Null,
    /// An integer.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// Text, and everything that crosses as text.
    Text(Cow<'a, str>),
    /// Bytes.
    Blob(&'a [u8]),
}

/// Returns a value that crosses as text.
pub(super) fn text<'a>(text: impl Into<Cow<'a, str>>) -> Cell<'a> {
    Cell::Text(text.into())
}

/// A form for rows, filled value by value.
pub trait Form: Send + 'static {
    /// Nothing yet.
    fn new() -> Self;

    /// The names of the columns, before the first row.
    fn columns<'a>(&mut self, names: impl ExactSizeIterator<Item = &'a str>);

    /// Begin a row of so many values.
    fn row(&mut self, values: usize);

    /// The next value of the row.
    fn value(&mut self, cell: Cell<'_>);
}

/// As records of the interface: every text is a piece of the guest's memory.
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
