//! Errors of databases: their classification, and the errors of
//! `edge:platform/sql` that plugins get for them.

pub(super) mod mysql;
mod mysql_codes;
pub(super) mod no_connection;
mod open;
mod redact;
pub(super) mod sqlite;

pub use mysql::{ErrorKind, mysql_error_kinds};
pub use open::{OpenError, UnsupportedServer, UrlError};
pub use redact::redacted_url;
pub(super) use redact::without_values;

/// Returns whether `error` says that the database does not answer or its disk
/// fails, rather than that the statement is wrong.
pub(crate) fn is_transient(error: &sqlx::Error) -> bool {
    sqlite::may_open_later_by_sqlx(error) || mysql::is_transient(error)
}
