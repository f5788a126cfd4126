//! Stores behind capabilities: databases, buckets, rate limits and leases.

#![warn(unreachable_pub)]

pub mod breaker;
pub mod clock;
pub mod keyvalue;
pub mod leases;
pub mod limiter;
mod lock;
pub mod redis;
mod refusals;
pub mod source;
pub mod sql;
pub mod value_file;
pub mod wakeups;
