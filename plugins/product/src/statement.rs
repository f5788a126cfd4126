//! Statements over many values at once. Their sizes are few, so that their
//! texts are few and stay prepared.

use edge_sdk::sql::{Query, Value};

/// Returns `?, ?, ...`.
pub(crate) fn placeholders(count: usize) -> String {
    vec!["?"; count].join(", ")
}

/// Returns `INSERT INTO table (a, b) VALUES (?, ?), (?, ?), ...`.
pub(crate) fn insert(table: &str, columns: &[&str], rows: usize) -> String {
    let row = format!("({})", placeholders(columns.len()));
    format!(
        "INSERT INTO {table} ({}) VALUES {}",
        columns.join(", "),
        vec![row; rows].join(", ")
    )
}

/// Gives the next `?`s their values.
pub(crate) fn bind_all<'a, T: Into<Value>>(
    query: Query<'a>,
    values: impl IntoIterator<Item = T>,
) -> Query<'a> {
    values.into_iter().fold(query, Query::bind)
}

/// Returns the values, and the last one again up to the length.
pub(crate) fn padded<T: Clone>(values: &[T], length: usize) -> impl Iterator<Item = T> {
    let last = values.last().into_iter().cycle();
    values
        .iter()
        .chain(last)
        .take(length.max(values.len()))
        .cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_insert_has_a_placeholder_for_each_value() {
        assert_eq!(
            insert("t", &["a", "b"], 2),
            "INSERT INTO t (a, b) VALUES (?, ?), (?, ?)"
        );
    }

    #[test]
    fn padding_repeats_the_last_value() {
        assert_eq!(padded(&[1, 2], 4).collect::<Vec<_>>(), [1, 2, 2, 2]);
        assert_eq!(padded(&[1, 2], 1).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(padded::<i32>(&[], 4).count(), 0);
    }
}
