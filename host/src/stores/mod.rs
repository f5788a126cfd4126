//! The real things behind capabilities.

pub mod breaker;
pub mod clock;
pub mod keyvalue;
pub mod leases;
pub mod limiter;
pub mod redis;
mod refusals;
pub mod sql;
pub mod wakeups;
