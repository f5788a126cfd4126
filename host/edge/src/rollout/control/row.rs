//! Rows of the control database, read column by column.

use std::str::FromStr;

use stores::sql::Value;

use super::ControlError;

/// The columns of a row that have not been read yet.
pub(super) struct Row(std::vec::IntoIter<Value>);

type Result<T> = std::result::Result<T, ControlError>;

impl Row {
    pub(super) fn new(values: Vec<Value>) -> Self {
        Self(values.into_iter())
    }

    pub(super) fn text(&mut self) -> Result<String> {
        match self.0.next() {
            Some(Value::Text(text)) => Ok(text),
            other => Err(unexpected("a text", other.as_ref())),
        }
    }

    pub(super) fn integer(&mut self) -> Result<i64> {
        match self.0.next() {
            Some(Value::Integer(number)) => Ok(number),
            other => Err(unexpected("a number", other.as_ref())),
        }
    }

    pub(super) fn bytes(&mut self) -> Result<Vec<u8>> {
        match self.0.next() {
            Some(Value::Blob(bytes)) => Ok(bytes),
            other => Err(unexpected("bytes", other.as_ref())),
        }
    }

    /// Reads a text column and parses it.
    pub(super) fn parsed<T: FromStr<Err: ToString>>(&mut self) -> Result<T> {
        parse(&self.text()?)
    }

    /// Reads a text column and parses it; `None` if it is NULL.
    pub(super) fn optional<T: FromStr<Err: ToString>>(&mut self) -> Result<Option<T>> {
        match self.0.next() {
            Some(Value::Null) => Ok(None),
            Some(Value::Text(text)) => parse(&text).map(Some),
            other => Err(unexpected("a text", other.as_ref())),
        }
    }

    pub(super) fn json<T: serde::de::DeserializeOwned>(&mut self) -> Result<T> {
        serde_json::from_str(&self.text()?)
            .map_err(|error| ControlError::Unreadable(error.to_string()))
    }
}

/// Parses the text of a column.
pub(super) fn parse<T: FromStr<Err: ToString>>(text: &str) -> Result<T> {
    text.parse()
        .map_err(|error: T::Err| ControlError::Unreadable(error.to_string()))
}

fn unexpected(expected: &str, found: Option<&Value>) -> ControlError {
    let found = match found {
        None => "no column",
        Some(Value::Null) => "NULL",
        Some(Value::Integer(_) | Value::Real(_)) => "a number",
        Some(Value::Text(_) | Value::Timestamp(_)) => "a text",
        Some(Value::Blob(_)) => "bytes",
    };
    ControlError::Unreadable(format!("a column holds {found} instead of {expected}"))
}
