//! Outgoing HTTP calls, to granted origins only. A name never leads into the node's own networks.

mod address;
mod body;
mod client;
mod failure;
mod origin;
mod resolver;

pub use client::{HttpClient, HttpClientError};
pub use origin::{Origin, OriginError};
