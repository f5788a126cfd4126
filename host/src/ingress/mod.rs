//! The shop's port: HTTP/1.1 and HTTP/2, bounds on what a client may send, the
//! choice of the release that answers, and the error envelope.

mod access;
mod body;
mod client;
mod connection;
mod limits;
mod reply;
mod request;
mod server;
mod service;
mod sticky;
mod trials;

pub use limits::RateLimits;
pub use server::{Server, ServerError};
pub use service::Service;
pub use trials::Trials;
