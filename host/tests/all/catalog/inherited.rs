//! Catalogs that others made.

mod rows;
