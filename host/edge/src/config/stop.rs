//! Settings of how a node stops.

use std::time::Duration;

use super::layers::Layers;
use super::values::{delay, duration};

/// Time limits of a node that was told to stop.
#[derive(Debug, Clone, Copy)]
pub struct StopSettings {
    /// Time for which the node still accepts connections, while `/readyz`
    /// reports that it is not ready.
    pub unready_delay: Duration,
    /// Time limit for requests in flight to finish after that.
    pub drain_timeout: Duration,
}

impl StopSettings {
    /// Takes these settings out of `layers`.
    pub(super) fn take(layers: &mut Layers) -> Self {
        Self {
            unready_delay: layers.take("unready_delay", Duration::ZERO, delay),
            drain_timeout: layers.take("drain_timeout", Duration::from_secs(30), duration),
        }
    }
}
