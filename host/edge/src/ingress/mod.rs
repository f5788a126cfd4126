//! The shop's port: HTTP/1.1 and HTTP/2, limits on what a client may send, the choice of the
//! release that answers, the error envelope, and the probes.

mod error_response;
mod pipeline;
mod probes;
mod server;

pub use pipeline::{CanaryRouting, RateLimits, Service};
pub use probes::Behind;
pub use server::{CertificateError, CertificateValidity, Server, ServerError};
