//! Functions whose result is not decided by their arguments and the database's rows.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::sql::Dialect;

/// The clock, chance and the session's own state.
const VOLATILE: [&str; 31] = [
    "changes",
    "connection_id",
    "curdate",
    "current_date",
    "current_time",
    "current_timestamp",
    "current_user",
    "curtime",
    "database",
    "found_rows",
    "last_insert_id",
    "last_insert_rowid",
    "localtime",
    "localtimestamp",
    "now",
    "rand",
    "random",
    "randomblob",
    "row_count",
    "schema",
    "session_user",
    "sysdate",
    "total_changes",
    "unix_timestamp",
    "user",
    "utc_date",
    "utc_time",
    "utc_timestamp",
    "uuid",
    "uuid_short",
    "version",
];

/// Those of [`VOLATILE`] that need no parentheses.
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
        if word.quote_style.is_none() && WITHOUT_PARENTHESES.contains(&name) {
            return true;
        }
    }
    false
}
