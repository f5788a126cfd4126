//! One statement with its parameters.

use std::borrow::Cow;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::{Error, Outcome, Readable, Value, dialect, readable, row, with_clock};
use crate::bindings::edge::platform::sql as host;

/// Returns a statement outside a transaction; a change is a transaction of its own.
pub fn query(text: &str) -> Query<'_> {
    Query::new(text, None)
}

/// A statement and its parameters, not yet run.
#[derive(Debug)]
#[must_use = "a query does nothing until its rows are asked for or it is executed"]
pub struct Query<'a> {
    text: &'a str,
    parameters: Vec<Value>,
    /// The open transaction that the statement is part of.
    transaction: Option<&'a host::Transaction>,
    /// How old the result may be, if the host may keep it.
    max_age: Option<Duration>,
}

impl<'a> Query<'a> {
    pub(super) fn new(text: &'a str, transaction: Option<&'a host::Transaction>) -> Self {
        Self {
            text,
            parameters: Vec::new(),
            transaction,
            max_age: None,
        }
    }

    /// Gives the next `?` its value.
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.parameters.push(value.into());
        self
    }

    /// Lets the host keep the result of a SELECT, which costs much to find out
    /// and is small, such as a count, for the requests that follow. Where the
    /// host can follow changes, the result is always right; elsewhere it may be
    /// as old as `max_age`. It has no effect in a transaction.
    pub fn keep(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// Runs a SELECT and reads all its rows: into structs by column name, into
    /// tuples by position, or a single column as it is.
    ///
    /// # Errors
    /// Errors of the host, and [`Error::Decode`] for a row that does not fit.
    pub fn fetch_all<T: DeserializeOwned>(self) -> Result<Vec<T>, Error> {
        row::all(&self.run()?)
    }

    /// Former name of [`fetch_all`](Self::fetch_all).
    ///
    /// # Errors
    /// As [`fetch_all`](Self::fetch_all).
    #[deprecated(note = "renamed to `fetch_all`")]
    pub fn rows<T: DeserializeOwned>(self) -> Result<Vec<T>, Error> {
        self.fetch_all()
    }

    /// Runs a SELECT and reads its first row, if it has one. Say `LIMIT 1`
    /// where there may be more: the others are fetched too.
    ///
    /// # Errors
    /// As [`fetch_all`](Self::fetch_all).
    pub fn fetch_optional<T: DeserializeOwned>(self) -> Result<Option<T>, Error> {
        row::first(&self.run()?)
    }

    /// Former name of [`fetch_optional`](Self::fetch_optional).
    ///
    /// # Errors
    /// As [`fetch_all`](Self::fetch_all).
    #[deprecated(note = "renamed to `fetch_optional`")]
    pub fn first<T: DeserializeOwned>(self) -> Result<Option<T>, Error> {
        self.fetch_optional()
    }

    /// Runs a SELECT and reads those of its rows that can be read. Each of the
    /// others is left out, with a warning that names `table`, the value of the
    /// column `id` and the column that could not be read; one warning a minute
    /// for each column.
    ///
    /// # Errors
    /// Errors of the host.
    pub fn readable_rows<T: DeserializeOwned>(
        self,
        table: &'static str,
        id: &'static str,
    ) -> Result<Readable<T>, Error> {
        let read = row::readable(&self.run()?, |row, why| readable::warn(table, id, row, why));
        read.map(Readable::new)
    }

    /// Runs a SELECT for one row, and reads it as
    /// [`readable_rows`](Self::readable_rows) does: a row that cannot be read
    /// is none.
    ///
    /// # Errors
    /// Errors of the host.
    pub fn readable_first<T: DeserializeOwned>(
        self,
        table: &'static str,
        id: &'static str,
    ) -> Result<Option<T>, Error> {
        let rows: Vec<T> = self.readable_rows(table, id)?.into_vec();
        Ok(rows.into_iter().next())
    }

    /// Runs a SELECT and reads the one column of its only row, such as a count.
    ///
    /// # Errors
    /// As [`fetch_all`](Self::fetch_all); [`Error::Decode`] unless there is exactly one
    /// row with one column.
    pub fn fetch_one<T: DeserializeOwned>(self) -> Result<T, Error> {
        row::scalar(&self.run()?)
    }

    /// Former name of [`fetch_one`](Self::fetch_one).
    ///
    /// # Errors
    /// As [`fetch_one`](Self::fetch_one).
    #[deprecated(note = "renamed to `fetch_one`")]
    pub fn scalar<T: DeserializeOwned>(self) -> Result<T, Error> {
        self.fetch_one()
    }

    /// Runs an INSERT, UPDATE or DELETE.
    ///
    /// # Errors
    /// Errors of the host.
    pub fn execute(self) -> Result<Outcome, Error> {
        let text = text(self.text)?;
        Ok(match self.transaction {
            Some(transaction) => transaction.execute(&text, &self.parameters),
            None => host::execute(&text, &self.parameters),
        }?)
    }

    fn run(self) -> Result<host::PackedRows, Error> {
        let text = text(self.text)?;
        let parameters = &self.parameters;
        Ok(match (self.transaction, self.max_age) {
            (Some(transaction), _) => transaction.query_packed(&text, parameters),
            (None, Some(max_age)) => {
                let max_age = u32::try_from(max_age.as_millis()).unwrap_or(u32::MAX);
                host::query_kept(&text, parameters, max_age)
            }
            (None, None) => host::query_packed(&text, parameters),
        }?)
    }
}

/// Returns the statement as the database gets it. The host is asked for the dialect
/// only where that matters.
fn text(text: &str) -> Result<Cow<'_, str>, Error> {
    match text.contains('{') {
        true => with_clock(text, dialect()),
        false => Ok(Cow::Borrowed(text)),
    }
}
