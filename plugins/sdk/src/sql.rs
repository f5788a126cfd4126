//! The plugin's relational database: SQLite or MySQL, as the operator chose.
//!
//! Statements are constant texts with a `?` for each value; rows come back as
//! structs, by serde:
//!
//! ```no_run
//! use edge_sdk::{Failure, Result, sql};
//!
//! #[derive(serde::Deserialize)]
//! struct Book {
//!     book_id: i64,
//!     title: String,
//!     subtitle: Option<String>,
//! }
//!
//! fn by_author(author_id: i64) -> Result<Vec<Book>> {
//!     const BY_AUTHOR: &str = "SELECT book_id, title, subtitle FROM book WHERE author_id = ?";
//!     Ok(sql::query(BY_AUTHOR).bind(author_id).fetch_all()?)
//! }
//!
//! fn lend(book_id: i64, reader_id: i64) -> Result<()> {
//!     sql::transaction(|transaction| {
//!         let taken = transaction
//!             .query("UPDATE book SET copies = copies - 1 WHERE book_id = ? AND copies > 0")
//!             .bind(book_id)
//!             .execute()?;
//!         if taken.rows_affected == 0 {
//!             return Err(Failure::new(409, "BOK_02", "All copies are lent."));
//!         }
//!         transaction
//!             .query("INSERT INTO loan (book_id, reader_id) VALUES (?, ?)")
//!             .bind(book_id)
//!             .bind(reader_id)
//!             .execute()?;
//!         Ok(())
//!     })
//! }
//! ```
//!
//! A time that decides about rows is the database's: `{now}`, `{now + ?}`,
//! `{now - ?}` and `{age of column}` in a text are its clock, see [`with_clock`].
//! The clock of the node that a plugin runs on ([`clock`](crate::clock)) may be
//! wrong, and other nodes have others.
//!
//! A table that others made or write may hold what a plugin does not expect.
//! [`column`](mod@column) reads such values, and [`Query::readable_rows`] leaves out the
//! rows that cannot be read, so that one of them never costs a whole list.
//!
//! The tables a plugin may read and change are those its manifest grants. All
//! of this talks to the host: natively, as in a plugin's own tests, it panics.

pub mod column;
mod error;
mod query;
mod readable;
mod row;
mod time;
mod transaction;
mod value;

use std::sync::OnceLock;

pub use crate::bindings::edge::platform::sql::{Dialect, Outcome, Value};
pub use error::Error;
pub use query::{Query, query};
pub use readable::Readable;
pub use time::{Seconds, with_clock};
pub use transaction::{Transaction, transaction};
pub use value::Timestamp;

/// Which SQL the database speaks, for the rare statement that differs.
#[must_use]
pub fn dialect() -> Dialect {
    // A host call counts against the request's limit, and the answer never changes.
    static DIALECT: OnceLock<Dialect> = OnceLock::new();
    *DIALECT.get_or_init(crate::bindings::edge::platform::sql::get_dialect)
}
