//! Routing, extractors, errors, paging, and rows into structs for plugins of the
//! edge platform.
//!
//! A plugin is an ordinary library crate, compiled for `wasm32-wasip2`. Its
//! handlers are plain functions from a [`Request`] to a [`Response`]; what goes
//! wrong is a [`Failure`], passed on by `?`. The host runs many instances at
//! once but gives each one request at a time, so nothing here is asynchronous
//! and nothing needs a lock.
//!
//! # A whole plugin
//!
//! The shelf of a library: list the books, show one, add one.
//!
//! ```
//! use edge_sdk::{Failure, Listing, Request, Response, Result, Router, sql};
//! use serde::{Deserialize, Serialize};
//!
//! edge_sdk::export!(router);
//!
//! fn router() -> Router {
//!     Router::new()
//!         .get("/books", list)
//!         .post("/books", add)
//!         .get("/books/{book_id}", show)
//! }
//!
//! #[derive(Deserialize, Serialize)]
//! struct Book {
//!     book_id: i64,
//!     title: String,
//!     subtitle: Option<String>,
//! }
//!
//! const NO_SUCH_BOOK: Failure = Failure::new(404, "BOK_01", "There is no book with this ID.");
//!
//! /// `GET /books?page=2&limit=50`
//! fn list(request: &Request) -> Result<Response> {
//!     let page = request.page()?;
//!     let count = sql::query("SELECT COUNT(*) FROM book").fetch_one()?;
//!     let rows: Vec<Book> =
//!         sql::query("SELECT book_id, title, subtitle FROM book ORDER BY book_id LIMIT ? OFFSET ?")
//!             .bind(page.limit())
//!             .bind(page.offset())
//!             .fetch_all()?;
//!     let response = Response::json(&Listing { count, rows })?;
//!     Ok(page.link(request, count, response))
//! }
//!
//! /// `GET /books/7`
//! fn show(request: &Request) -> Result<Response> {
//!     let book: Option<Book> =
//!         sql::query("SELECT book_id, title, subtitle FROM book WHERE book_id = ?")
//!             .bind(request.id_param("book_id")?)
//!             .fetch_optional()?;
//!     Response::json(&book.ok_or(NO_SUCH_BOOK)?)
//! }
//!
//! /// `POST /books` with `title` and perhaps `subtitle`, as a form, JSON or multipart.
//! fn add(request: &Request) -> Result<Response> {
//!     let fields = request.fields()?;
//!     fields.required(&["title"])?;
//!     sql::query("INSERT INTO book (title, subtitle) VALUES (?, ?)")
//!         .bind(fields.get("title"))
//!         .bind(fields.get("subtitle"))
//!         .execute()?;
//!     Ok(Response::empty_object())
//! }
//! # fn main() {}
//! ```
//!
//! The `Cargo.toml` of a plugin asks for a component:
//!
//! ```toml
//! [lib]
//! crate-type = ["cdylib"]
//! ```
//!
//! Tests in a folder `tests` that call the plugin's functions need a library, so add
//! `"rlib"` for them: cargo then leaves link-time optimisation out. Tests in a node
//! ([`testing`]) need none.
//!
//! The manifest, `plugin.toml`, says which routes the plugin serves and what it
//! may use. It can do nothing else:
//!
//! ```toml
//! name = "books"
//! version = "0.1.0"
//! component = "target/wasm32-wasip2/release/books.wasm"
//! routes = ["/books"]
//!
//! [grants.database]
//! read = ["book"]
//! write = ["book"]
//! ```
//!
//! # What the client sees
//!
//! | the plugin | the client |
//! |---|---|
//! | returns a [`Response`] | that response |
//! | returns a [`Failure`] | its status, code, message and field in the error envelope |
//! | fails on [`sql`] and says `?` | 503, 504, 409 or 500, and never the reason |
//! | traps: a panic, no memory left, no time left | 500 or 504; only this request is lost |
//!
//! The failures that this crate makes by itself, such as that of a page out of
//! range, have the codes `HTTP_400`, `HTTP_401` and so on, unless the plugin sets
//! [`Codes`] of its own for its router.
//!
//! The host logs a plugin's standard output and standard error.
//!
//! # Other plugins
//!
//! Plugins call each other through interfaces in WIT: [`wit_bindings!`] makes Rust
//! of them, and [`export_service!`] exports an implementation.
//!
//! # Testing
//!
//! Plugins compile natively as well, and [`testing`] makes requests for them:
//! `cargo test` covers routes, extractors and rules without any host.

#![warn(missing_docs)]

#[doc(hidden)]
pub mod bindings;
mod body;
mod capabilities;
pub mod clock;
mod deserialize;
mod failure;
mod handler;
mod header;
mod macros;
mod paging;
pub mod sql;
pub mod testing;
mod values;
pub mod wit;

#[cfg(feature = "outbound")]
pub use capabilities::outbound;
pub use capabilities::{config, context, identity, keyvalue, mail, metrics, rate_limit};
pub use values::{money, text};

pub use body::Fields;
pub use failure::{Codes, Failure, Wording};
pub use handler::request::Request;
pub use handler::response::Response;
pub use handler::router::{Handler, Router};
pub use paging::array_page::{ArrayPage, Next};
pub use paging::page::{Listing, Order, Page};

// For the code that `wit_bindings!` generates.
#[doc(hidden)]
pub use wit_bindgen;

/// Result of a handler; its error is a [`Failure`] unless another is named.
pub type Result<T, E = Failure> = core::result::Result<T, E>;

/// One step of filling a plugin's tables, for [`export_seed!`].
/// Takes the number of rows wanted of the main table.
pub type Seed = fn(Option<u64>) -> core::result::Result<wit::Progress, String>;

/// One bounded piece of a task, for [`export_schedule!`]. Takes the task's name.
pub type Task = fn(&str) -> core::result::Result<(), String>;
