//! HTTP calls to servers outside, only to the origins that a plugin was
//! granted, and never into the node's own networks by way of a name.

mod address;
mod body;
mod client;
mod failure;
mod origin;
mod resolver;

pub use client::{HttpClient, HttpClientError};
pub use origin::{Origin, OriginError};
