//! The shop's port: HTTP/1.1 and HTTP/2, the route table, bounds on what a
//! client may send, the error envelope, and the probes.

mod access;
mod body;
mod client;
mod connection;
mod cors;
mod limits;
mod probes;
mod reply;
mod request;
mod routes;
mod server;
mod service;
mod tls;

pub use limits::RateLimits;
pub use routes::{RouteError, RouteTable};
pub use server::{Server, ServerError};
pub use service::Service;
pub use tls::CertificateError;
