//! Rows beside the keys in them, for those who ask which rows a result is made of.

use super::{Cell, Form};

/// Value in a column of a result that may hold the integer primary key of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyCell {
    /// Key of a row.
    Key(i64),
    /// NULL: an outer join found no row of the table.
    Null,
    /// Any other value, such as an unsigned integer that does not fit.
    Other,
}

/// Rows in the form `F`, and all values of theirs that may be keys.
pub(in crate::sql) struct Keyed<F> {
    rows: F,
    count: usize,
    width: usize,
    cells: Vec<KeyCell>,
}

impl<F> Keyed<F> {
    /// Returns the number of rows.
    pub(in crate::sql) fn count(&self) -> usize {
        self.count
    }

    /// Returns what is at this row and column.
    pub(in crate::sql) fn key(&self, row: usize, column: usize) -> KeyCell {
        let cell = row.checked_mul(self.width).map(|start| start + column);
        let cell = cell.filter(|_| column < self.width);
        let cell = cell.and_then(|cell| self.cells.get(cell));
        cell.copied().unwrap_or(KeyCell::Other)
    }

    /// Returns the rows alone.
    pub(in crate::sql) fn into_rows(self) -> F {
        self.rows
    }
}

impl<F: Form> Form for Keyed<F> {
    fn new() -> Self {
        Self {
            rows: F::new(),
            count: 0,
            width: 0,
            cells: Vec::new(),
        }
    }

    fn columns<'a>(&mut self, names: impl ExactSizeIterator<Item = &'a str>) {
        self.width = names.len();
        self.rows.columns(names);
    }

    fn row(&mut self, values: usize) {
        self.count += 1;
        self.rows.row(values);
    }

    fn value(&mut self, cell: Cell<'_>) {
        self.cells.push(match &cell {
            Cell::Integer(key) => KeyCell::Key(*key),
            Cell::Null => KeyCell::Null,
            Cell::Real(_) | Cell::Text(_) | Cell::Blob(_) => KeyCell::Other,
        });
        self.rows.value(cell);
    }
}
