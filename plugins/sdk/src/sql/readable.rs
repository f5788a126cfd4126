//! Rows of which some cannot be read.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Error;
use super::row::Row;

/// The rows that a query found, without the contents of those that cannot be
/// read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Readable<T>(Vec<Option<T>>);

impl<T> Readable<T> {
    pub(super) fn new(rows: Vec<Option<T>>) -> Self {
        Self(rows)
    }

    /// Returns how many rows were found, whether they can be read or not.
    #[must_use]
    pub fn found(&self) -> usize {
        self.0.len()
    }

    /// Returns whether no row was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Makes something else of each row.
    pub fn map<U>(self, mut change: impl FnMut(T) -> U) -> Readable<U> {
        let rows = self.0.into_iter();
        Readable(rows.map(|row| row.map(&mut change)).collect())
    }

    /// Returns the rows that can be read.
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        self.into_first(usize::MAX)
    }

    /// Returns those that can be read of the first rows that were found.
    pub(crate) fn into_first(self, found: usize) -> Vec<T> {
        self.0.into_iter().take(found).flatten().collect()
    }
}

impl<T> From<Vec<T>> for Readable<T> {
    fn from(rows: Vec<T>) -> Self {
        Self(rows.into_iter().map(Some).collect())
    }
}

/// The time between two warnings of one column.
const PAUSE: Duration = Duration::from_secs(60);

/// Warns of a row of `table` that is left out, unless that was done a moment
/// ago for the same column. No value is written but the row's id: values may
/// be about people.
pub(super) fn warn(table: &'static str, id: &'static str, row: Row<'_, '_>, why: &Error) {
    static WARNED: Mutex<Warned> = Mutex::new(Warned(BTreeMap::new()));
    let column = column(why);
    let mut warned = WARNED.lock().unwrap_or_else(PoisonError::into_inner);
    if warned.is_due(table, column, Instant::now()) {
        eprintln!("{}", line(table, id, row.integer(id), column));
    }
}

fn line(table: &str, id: &str, number: Option<i64>, column: &str) -> String {
    let number = number.map_or_else(|| "?".to_owned(), |number| number.to_string());
    format!(
        "WARN: the row of {table} with {id} = {number} is left out: its {column} cannot be read"
    )
}

/// The column that an error of reading a row names.
fn column(why: &Error) -> &str {
    let Error::Decode(why) = why else {
        return "content";
    };
    let named = why.split_once(':').map(|(place, _)| place);
    let named = named.filter(|place| place.starts_with("column "));
    named.unwrap_or("content")
}

/// When the last warning was written, by table and column.
struct Warned(BTreeMap<(&'static str, String), Instant>);

impl Warned {
    fn is_due(&mut self, table: &'static str, column: &str, now: Instant) -> bool {
        let key = (table, column.to_owned());
        let last = self.0.get(&key);
        if last.is_some_and(|last| now.saturating_duration_since(*last) < PAUSE) {
            return false;
        }
        self.0.insert(key, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_names_table_id_and_column_and_no_value() {
        let why = Error::Decode("column price: no amount of money: 'ada@example.com'".to_owned());
        assert_eq!(
            line("product", "product_id", Some(12), column(&why)),
            "WARN: the row of product with product_id = 12 is left out: its column price cannot be \
             read"
        );
        let unnamed = Error::Decode("a row has fewer values than columns".to_owned());
        assert_eq!(column(&unnamed), "content");
    }

    #[test]
    fn a_column_is_warned_of_once_a_minute() {
        let mut warned = Warned(BTreeMap::new());
        let start = Instant::now();
        assert!(warned.is_due("product", "column price", start));
        assert!(!warned.is_due("product", "column price", start + PAUSE / 2));
        assert!(warned.is_due("product", "column name", start + PAUSE / 2));
        assert!(warned.is_due("review", "column price", start + PAUSE / 2));
        assert!(warned.is_due("product", "column price", start + PAUSE));
    }
}
