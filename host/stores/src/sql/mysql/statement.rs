//! Runs single statements on a connection.

use std::sync::Arc;

use futures_util::TryStreamExt;
use sqlx::mysql::MySqlArguments;
use sqlx::{Arguments, AssertSqlSafe, Column, MySqlConnection, Row};

use super::decode;
use super::failed::Failed;
use crate::sql::error::mysql::typed;
use crate::sql::rows::Form;
use crate::sql::rows::collector::Collector;
use crate::sql::rows::timestamp::instant;
use crate::sql::{CallLimits, Outcome, Result, Value};

/// Runs a query, and returns its rows in the form `F`.
pub(super) async fn query<F: Form>(
    connection: &mut MySqlConnection,
    text: &Arc<str>,
    arguments: MySqlArguments,
    limits: CallLimits,
) -> std::result::Result<F, Failed> {
    let query = sqlx::query_with(AssertSqlSafe(text.clone()), arguments);
    let mut rows = query.fetch(connection);
    let mut collector = Collector::new(limits);
    let mut kinds = Vec::new();
    while let Some(row) = rows.try_next().await? {
        if !collector.has_columns() {
            collector.set_columns(row.columns().iter().map(Column::name));
            kinds = decode::kinds(&row);
        }
        collector.push(decode::cells(&row, &kinds))?;
    }
    Ok(collector.finish())
}

/// Runs a change.
pub(super) async fn execute(
    connection: &mut MySqlConnection,
    text: &Arc<str>,
    arguments: MySqlArguments,
) -> std::result::Result<Outcome, Failed> {
    let query = sqlx::query_with(AssertSqlSafe(text.clone()), arguments);
    let done = query.execute(connection).await?;
    Ok(Outcome {
        rows_affected: done.rows_affected(),
        last_insert_id: done.last_insert_id(),
    })
}

/// Returns the parameters of a statement as the driver's arguments.
pub(super) fn bind(parameters: &[Value]) -> Result<MySqlArguments> {
    let mut arguments = MySqlArguments::default();
    arguments.reserve(parameters.len(), 0);
    for parameter in parameters {
        let bound = match parameter {
            Value::Null => arguments.add(None::<i64>),
            Value::Integer(number) => arguments.add(number),
            Value::Real(number) => arguments.add(number),
            Value::Text(text) => arguments.add(text.as_str()),
            Value::Blob(bytes) => arguments.add(bytes.as_slice()),
            Value::Timestamp(text) => arguments.add(instant(text)?.naive_utc()),
        };
        bound.map_err(|error| typed(sqlx::Error::Encode(error)))?;
    }
    Ok(arguments)
}
