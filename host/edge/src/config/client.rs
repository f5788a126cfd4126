//! Settings that limit what a client may send.

use std::time::Duration;

use super::layers::Layers;
use super::values::{count, duration};

/// Limits on what a client may send, enforced before any plugin sees a request.
#[derive(Debug, Clone, Copy)]
pub struct ClientLimits {
    /// Time limit for the head of a request, from its first byte.
    pub head_timeout: Duration,
    /// Time limit for the body of a request.
    pub body_timeout: Duration,
    /// Time limit for a connection to stay idle between requests.
    pub idle_timeout: Duration,
    /// Maximum length of a request target, in bytes.
    pub max_uri: usize,
    /// Maximum size of all header fields of a request together, in bytes.
    pub max_headers: usize,
    /// Maximum of connections at once.
    pub max_connections: usize,
}

impl ClientLimits {
    /// Takes these settings out of `layers`.
    pub(super) fn take(layers: &mut Layers) -> Self {
        Self {
            head_timeout: layers.take("head_timeout", Duration::from_secs(10), duration),
            body_timeout: layers.take("body_timeout", Duration::from_secs(10), duration),
            idle_timeout: layers.take("idle_timeout", Duration::from_secs(75), duration),
            max_uri: layers.take("max_uri", 8 * 1024, at_most_64_kib),
            max_headers: layers.take("max_headers", 16 * 1024, at_most_64_kib),
            max_connections: layers.take("max_connections", 10_000, count),
        }
    }
}

/// Parses a number of bytes, up to the 64 KiB beyond which hyper itself refuses
/// the head of a request.
fn at_most_64_kib(text: &str) -> Result<usize, String> {
    match count(text) {
        Ok(bytes) if bytes <= 64 * 1024 => Ok(bytes),
        _ => Err("is not a number of bytes from 1 to 65536".into()),
    }
}
