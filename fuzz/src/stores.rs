//! What manifests and bundles need of the stores, and the guard of statements.

pub mod limiter;
pub mod sql;
