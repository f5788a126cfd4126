//! The real things behind capabilities.

pub mod leases;
pub mod sql;
