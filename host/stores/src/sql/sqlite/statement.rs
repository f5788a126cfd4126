//! Runs single prepared statements on a connection.

use std::sync::Arc;

use rusqlite::types::{ToSqlOutput, Value as Owned, ValueRef};
use rusqlite::{CachedStatement, Row};

use super::connection::GuestConnection;
use super::failure::Failure;
use crate::sql::error::sqlite::from_rusqlite;
use crate::sql::rows::collector::Collector;
use crate::sql::rows::timestamp::instant_as_text;
use crate::sql::rows::{Cell, Form};
use crate::sql::{CallLimits, Outcome, Result, Value};

/// A statement text with its parameters.
pub(super) struct Statement {
    pub(super) text: Arc<str>,
    pub(super) parameters: Vec<Value>,
}

impl Statement {
    pub(super) fn new(text: &Arc<str>, parameters: Vec<Value>) -> Self {
        Self {
            text: text.clone(),
            parameters,
        }
    }

    /// Runs a query, and returns its rows in the form `F`.
    pub(super) fn query<F: Form>(
        &self,
        connection: &GuestConnection,
        limits: CallLimits,
    ) -> std::result::Result<F, Failure> {
        let mut statement = self.bind(connection)?;
        let mut rows = statement.raw_query();
        let mut collector = Collector::new(limits);
        while let Some(row) = rows.next()? {
            if !collector.has_columns() {
                collector.set_columns(row.as_ref().column_names().into_iter());
            }
            let columns = row.as_ref().column_count();
            collector.push((0..columns).map(|index| cell(row, index)))?;
        }
        Ok(collector.finish())
    }

    /// Runs a change; rows that it returns are discarded.
    pub(super) fn execute(
        &self,
        connection: &GuestConnection,
    ) -> std::result::Result<Outcome, Failure> {
        let mut statement = self.bind(connection)?;
        let mut rows = statement.raw_query();
        while rows.next()?.is_some() {}
        drop(rows);
        let (rows_affected, last_id) = connection.last_change();
        Ok(Outcome {
            rows_affected,
            last_insert_id: u64::try_from(last_id).unwrap_or_default(),
        })
    }

    fn bind<'c>(
        &self,
        connection: &'c GuestConnection,
    ) -> std::result::Result<CachedStatement<'c>, Failure> {
        let mut statement = connection.prepare(&self.text)?;
        for (index, parameter) in self.parameters.iter().enumerate() {
            statement.raw_bind_parameter(index + 1, to_sql(parameter)?)?;
        }
        Ok(statement)
    }
}

fn to_sql(parameter: &Value) -> Result<ToSqlOutput<'_>> {
    let value = match parameter {
        Value::Null => ValueRef::Null,
        Value::Integer(number) => ValueRef::Integer(*number),
        Value::Real(number) => ValueRef::Real(*number),
        Value::Text(text) => ValueRef::Text(text.as_bytes()),
        Value::Blob(bytes) => ValueRef::Blob(bytes),
        Value::Timestamp(text) => {
            let text = instant_as_text(text)?;
            return Ok(ToSqlOutput::Owned(Owned::Text(text)));
        }
    };
    Ok(ToSqlOutput::Borrowed(value))
}

/// Reads a value by its own storage class, since SQLite's columns hold values
/// of any type.
fn cell<'a>(row: &'a Row<'_>, index: usize) -> Result<Cell<'a>> {
    Ok(match row.get_ref(index).map_err(from_rusqlite)? {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Integer(number),
        ValueRef::Real(number) => Cell::Real(number),
        // Other programs may have stored bytes that are not UTF-8.
        ValueRef::Text(bytes) => Cell::Text(String::from_utf8_lossy(bytes)),
        ValueRef::Blob(bytes) => Cell::Blob(bytes),
    })
}
