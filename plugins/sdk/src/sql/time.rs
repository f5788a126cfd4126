//! The database's clock in the text of a statement.
//!
//! The clocks of nodes differ, so a time that decides about rows which nodes
//! share is the database's own, and is computed by the statement that uses it.
//! A text names such a time by a placeholder in braces, which is replaced by
//! what the database calls it:
//!
//! | placeholder | means |
//! |---|---|
//! | `{now}` | this instant |
//! | `{now + ?}` | as many seconds later as the parameter says |
//! | `{now - ?}` | as many seconds earlier |
//! | `{age of column}` | whole seconds since the instant in the column |

use std::borrow::Cow;
use std::time::Duration;

use super::{Dialect, Error, Value};

/// Begins the text between braces that asks for the age of a column.
const AGE_OF: &str = "age of ";

/// The longest time that is added or subtracted, in seconds: a hundred years.
/// Databases have no times beyond the year 9999.
const MAX_SECONDS: u64 = 100 * 365 * 24 * 60 * 60;

/// A length of time as a parameter of `{now + ?}` or `{now - ?}`: whole
/// seconds, a hundred years at most.
///
/// ```no_run
/// use std::time::Duration;
///
/// use edge_sdk::sql::{self, Seconds};
///
/// # fn example() -> Result<(), sql::Error> {
/// const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// sql::query("DELETE FROM visit WHERE seen_on < {now - ?}")
///     .bind(Seconds(DAY))
///     .execute()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds(pub Duration);

impl From<Seconds> for Value {
    fn from(Seconds(time): Seconds) -> Self {
        let seconds = time.as_secs().min(MAX_SECONDS);
        Self::Integer(i64::try_from(seconds).unwrap_or(i64::MAX))
    }
}

/// Replaces each placeholder of `text` by the database's clock, in the words of
/// `dialect`. A text without braces is returned as it is.
///
/// # Errors
/// [`Error::Invalid`] for a placeholder that is none of the four.
pub fn with_clock(text: &str, dialect: Dialect) -> Result<Cow<'_, str>, Error> {
    let Some((before, mut rest)) = text.split_once('{') else {
        return Ok(Cow::Borrowed(text));
    };
    let mut replaced = String::with_capacity(text.len() + 128);
    replaced.push_str(before);
    loop {
        let Some((placeholder, after)) = rest.split_once('}') else {
            return Err(unknown(rest));
        };
        replaced.push_str(&clock(placeholder, dialect)?);
        let Some((before, next)) = after.split_once('{') else {
            replaced.push_str(after);
            return Ok(Cow::Owned(replaced));
        };
        replaced.push_str(before);
        rest = next;
    }
}

fn clock(placeholder: &str, dialect: Dialect) -> Result<Cow<'static, str>, Error> {
    if let Some(column) = placeholder.strip_prefix(AGE_OF) {
        return age(column, dialect).map(Cow::Owned);
    }
    let words = match (placeholder, dialect) {
        ("now", Dialect::Mysql) => "UTC_TIMESTAMP(3)",
        ("now + ?", Dialect::Mysql) => "(UTC_TIMESTAMP(3) + INTERVAL ? SECOND)",
        ("now - ?", Dialect::Mysql) => "(UTC_TIMESTAMP(3) - INTERVAL ? SECOND)",
        // SQLite compares instants as texts, so they have the form in which the
        // host stores those that are parameters.
        ("now", Dialect::Sqlite) => "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
        ("now + ?", Dialect::Sqlite) => {
            "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', (0 + ?) || ' seconds')"
        }
        ("now - ?", Dialect::Sqlite) => {
            "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', (0 - ?) || ' seconds')"
        }
        _ => return Err(unknown(placeholder)),
    };
    Ok(Cow::Borrowed(words))
}

fn age(column: &str, dialect: Dialect) -> Result<String, Error> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    if column.is_empty() || !column.chars().all(is_name) {
        return Err(unknown(column));
    }
    Ok(match dialect {
        Dialect::Mysql => format!("TIMESTAMPDIFF(SECOND, {column}, UTC_TIMESTAMP(3))"),
        Dialect::Sqlite => format!("(unixepoch('now') - unixepoch({column}))"),
    })
}

fn unknown(placeholder: &str) -> Error {
    Error::Invalid(format!(
        "{{{placeholder}}} in a statement is none of {{now}}, {{now + ?}}, {{now - ?}} and \
         {{age of column}}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_a_placeholder_is_not_copied() {
        for dialect in [Dialect::Mysql, Dialect::Sqlite] {
            let text = with_clock("SELECT 1", dialect);
            assert!(matches!(text, Ok(Cow::Borrowed("SELECT 1"))));
        }
    }

    #[test]
    fn each_placeholder_becomes_the_databases_own_words() {
        let text = "UPDATE t SET a = {now}, b = {now + ?} WHERE c < {now - ?} AND {age of t.d} > 5";
        let replaced = |dialect| with_clock(text, dialect).map(Cow::into_owned);
        assert_eq!(
            replaced(Dialect::Mysql).as_deref(),
            Ok(
                "UPDATE t SET a = UTC_TIMESTAMP(3), b = (UTC_TIMESTAMP(3) + INTERVAL ? SECOND) \
                WHERE c < (UTC_TIMESTAMP(3) - INTERVAL ? SECOND) \
                AND TIMESTAMPDIFF(SECOND, t.d, UTC_TIMESTAMP(3)) > 5"
            )
        );
        let sqlite = replaced(Dialect::Sqlite).unwrap_or_default();
        assert!(!sqlite.contains('{') && !sqlite.contains('}'), "{sqlite}");
        assert_eq!(sqlite.matches('?').count(), 2, "{sqlite}");
    }

    #[test]
    fn a_placeholder_of_another_kind_is_refused() {
        for text in [
            "SELECT {now",
            "SELECT {today}",
            "SELECT {}",
            "SELECT {now +?}",
            "SELECT {age of }",
            "SELECT {age of a, b}",
            "SELECT {age of (SELECT 1)}",
        ] {
            for dialect in [Dialect::Mysql, Dialect::Sqlite] {
                let refused = matches!(with_clock(text, dialect), Err(Error::Invalid(_)));
                assert!(refused, "{text}");
            }
        }
    }

    #[test]
    fn times_are_bound_in_seconds_and_stay_within_what_databases_know() {
        assert_eq!(
            Value::from(Seconds(Duration::from_millis(2900))),
            Value::Integer(2)
        );
        let longest = Value::from(Seconds(Duration::MAX));
        assert_eq!(longest, Value::Integer(3_153_600_000));
    }
}
