//! Catalogs that others made, and others that write into the same tables.

mod rows;
mod written_beside;

pub use rows::statements;
