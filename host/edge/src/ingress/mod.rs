//! The shop's port: HTTP/1.1 and HTTP/2, limits on what a client may send, the choice of the
//! release that answers, the error envelope, and the probes.

mod access;
mod body;
mod client;
mod compression;
mod connection;
mod cors;
mod head;
mod limits;
mod lingering;
mod masked_path;
mod probes;
mod reply;
mod request;
mod server;
mod service;
mod span;
mod sticky;
mod tls;
mod trials;
mod waiting;

pub use limits::RateLimits;
pub use probes::Behind;
pub use server::{Server, ServerError};
pub use service::Service;
pub use tls::{CertificateError, CertificateValidity};
pub use trials::Trials;
