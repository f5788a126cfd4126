//! The real things behind capabilities.

pub mod sql;
