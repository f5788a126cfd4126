//! Interfaces that components may import, one module each. The manifest's grant is checked before a
//! call reaches a store.

pub mod config;
pub mod context;
mod host_call_limit;
pub mod identity;
pub mod keyvalue;
mod link;
pub mod mail;
pub mod metrics;
mod open_body;
pub mod outbound;
pub mod rate_limit;
pub mod request;
pub mod request_parts;
pub mod sql;

pub use link::linker;
