//! Capabilities that the host grants, but for the database, which is [`sql`](crate::sql).

pub mod config;
pub mod context;
pub(crate) mod error;
pub mod identity;
pub mod keyvalue;
pub mod mail;
pub mod metrics;
#[cfg(feature = "outbound")]
pub mod outbound;
pub mod rate_limit;
