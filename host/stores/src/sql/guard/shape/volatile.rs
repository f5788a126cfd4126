//! Functions whose result is not decided by their arguments and the database's rows.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::sql::Dialect;

/// Functions of the clock, of chance and of the session's own state, of those that the guard allows.
const VOLATILE: [&str; 21] = [
    "changes",
    "curdate",
    "current_date",
    "current_time",
    "current_timestamp",
    "curtime",
    // A default may be an expression.
    "default",
    "last_insert_id",
    "last_insert_rowid",
    "localtime",
    "localtimestamp",
    "now",
    "rand",
    "random",
    "randomblob",
    "row_count",
    "unix_timestamp",
    "utc_date",
    "utc_time",
    "utc_timestamp",
    "uuid",
];

/// Functions among [`VOLATILE`] that need no parentheses.
const WITHOUT_PARENTHESES: [&str; 8] = [
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "utc_date",
    "utc_time",
    "utc_timestamp",
];

/// Functions of SQLite that read the clock where an argument, which may be a parameter, is `now`.
const SQLITE_DATES: [&str; 7] = [
    "date",
    "datetime",
    "julianday",
    "strftime",
    "time",
    "timediff",
    "unixepoch",
];

/// Words of MySQL for times of day, as types, literals and functions. A server that needs a date makes
/// one of a time of day with the present day.
const MYSQL_TIMES: [&str; 8] = [
    "addtime",
    "maketime",
    "sec_to_time",
    "str_to_date",
    "subtime",
    "time",
    "timediff",
    "timestamp",
];

/// Returns whether the statement that consists of `tokens` calls such a function.
pub(super) fn is_volatile(tokens: &[TokenWithSpan], dialect: Dialect) -> bool {
    let mut tokens = tokens
        .iter()
        .map(|token| &token.token)
        .filter(|token| !matches!(token, Token::Whitespace(_)))
        .peekable();
    while let Some(token) = tokens.next() {
        let Token::Word(word) = token else { continue };
        let name = word.value.to_ascii_lowercase();
        let name = name.as_str();
        let is_call = tokens.peek() == Some(&&Token::LParen);
        let reads_clock = dialect == Dialect::Sqlite && SQLITE_DATES.contains(&name);
        if is_call && (VOLATILE.contains(&name) || reads_clock) {
            return true;
        }
        let is_time = dialect == Dialect::Mysql && MYSQL_TIMES.contains(&name);
        if word.quote_style.is_none() && (is_time || WITHOUT_PARENTHESES.contains(&name)) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::guard::functions::is_allowed;

    #[test]
    fn the_guard_allows_all_that_is_called_volatile() {
        for name in VOLATILE.iter().chain(&SQLITE_DATES) {
            assert!(is_allowed(name), "{name} is refused before it has a shape");
        }
    }
}
