//! Conversion of values, rows, outcomes and errors between the interface and the databases.

use stores::sql::{Cell, Dialect, Error, Form, Outcome as Change, Value};

use crate::bindings::sql as wit;
use crate::guest::{AsOutcome, Outcome};

impl AsOutcome for Error {
    fn as_outcome(&self) -> Outcome {
        match self {
            Self::Denied(_) => Outcome::Denied,
            Self::Invalid(_) => Outcome::Invalid,
            Self::Conflict(_) => Outcome::Conflict,
            Self::TooLarge(_) => Outcome::TooLarge,
            Self::Timeout => Outcome::Timeout,
            Self::Unavailable(_) => Outcome::Unavailable,
        }
    }
}

impl From<Dialect> for wit::Dialect {
    fn from(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Sqlite => Self::Sqlite,
            Dialect::Mysql => Self::Mysql,
        }
    }
}

impl From<wit::Value> for Value {
    fn from(value: wit::Value) -> Self {
        match value {
            wit::Value::Null => Self::Null,
            wit::Value::Integer(number) => Self::Integer(number),
            wit::Value::Real(number) => Self::Real(number),
            wit::Value::Text(text) => Self::Text(text),
            wit::Value::Blob(bytes) => Self::Blob(bytes),
            wit::Value::Timestamp(text) => Self::Timestamp(text),
        }
    }
}

impl From<Change> for wit::Outcome {
    fn from(outcome: Change) -> Self {
        Self {
            rows_affected: outcome.rows_affected,
            last_insert_id: outcome.last_insert_id,
        }
    }
}

impl From<Error> for wit::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Denied(text) => Self::Denied(text),
            Error::Invalid(text) => Self::Invalid(text),
            Error::Conflict(text) => Self::Conflict(text),
            Error::TooLarge(text) => Self::TooLarge(text),
            Error::Timeout => Self::Timeout,
            Error::Unavailable(text) => Self::Unavailable(text),
        }
    }
}

/// Rows as records of the interface. Each text takes an allocation in the guest; `PackedRows` takes
/// one for all rows.
impl Form for wit::Rows {
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
            Cell::Null => wit::Value::Null,
            Cell::Integer(number) => wit::Value::Integer(number),
            Cell::Real(number) => wit::Value::Real(number),
            Cell::Text(text) => wit::Value::Text(text.into_owned()),
            Cell::Blob(bytes) => wit::Value::Blob(bytes.to_owned()),
        };
        if let Some(row) = self.rows.last_mut() {
            row.push(value);
        }
    }
}

/// Converts the parameters of a statement.
pub(super) fn owned(parameters: Vec<wit::Value>) -> Vec<Value> {
    parameters.into_iter().map(Value::from).collect()
}
