//! Rows on their way into a table, many with one statement.

use edge_sdk::sql::{Error, Transaction, Value};

use crate::statement::{bind_all, insert};

/// Rows that one statement inserts: the most that fit, then fewer, so that
/// there are few statements of few texts.
const SHAPES: [usize; 3] = [256, 16, 1];

/// Rows to insert into a table.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) table: &'static str,
    pub(super) columns: &'static [&'static str],
    pub(super) rows: Vec<Vec<Value>>,
}

impl Rows {
    /// Makes an empty list of rows for a table.
    pub(super) fn new(table: &'static str, columns: &'static [&'static str]) -> Self {
        Self {
            table,
            columns,
            rows: Vec::new(),
        }
    }

    /// Inserts all of them.
    pub(super) fn store(self, transaction: &Transaction) -> Result<(), Error> {
        let mut rest = self.rows.as_slice();
        for shape in SHAPES {
            let text = insert(self.table, self.columns, shape);
            let pieces = rest.chunks_exact(shape);
            rest = pieces.remainder();
            for rows in pieces {
                let values = rows.iter().flatten().cloned();
                bind_all(transaction.query(&text), values).execute()?;
            }
        }
        Ok(())
    }
}

/// The values of a row.
macro_rules! row {
    ($($value:expr),* $(,)?) => { vec![$(edge_sdk::sql::Value::from($value)),*] };
}

pub(super) use row;
