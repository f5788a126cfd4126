//! The settings of what a client may send.

use std::time::Duration;

use super::layers::Layers;
use super::values::{count, duration};

/// Bounds on what a client may send, before any plugin sees it.
#[derive(Debug, Clone, Copy)]
pub struct ClientLimits {
    /// How long the head of a request may take, from its first byte.
    pub head_timeout: Duration,
    /// How long the body of a request may take.
    pub body_timeout: Duration,
    /// How long a connection may stay open between requests.
    pub idle_timeout: Duration,
    /// Longest request target, in bytes.
    pub max_uri: usize,
    /// All header fields of a request together, in bytes.
    pub max_headers: usize,
    /// Connections at once.
    pub max_connections: usize,
}

impl ClientLimits {
    /// Take them out of `layers`.
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

/// hyper parses heads of up to 64 KiB for us; past that it refuses by itself.
fn at_most_64_kib(text: &str) -> Result<usize, String> {
    match count(text) {
        Ok(bytes) if bytes <= 64 * 1024 => Ok(bytes),
        _ => Err("is not a number of bytes from 1 to 65536".into()),
    }
}
