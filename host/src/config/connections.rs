//! How long a node keeps connections to a database server.

use std::time::Duration;

use super::layers::Layers;
use super::values::at_least_a_second;

/// When a connection is closed, for the server's sake.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// Once nobody has needed it for so long: the server keeps some memory and
    /// a thread for each.
    pub idle: Duration,
    /// Once it is so old and has nothing to do: the server may have grown a
    /// lot of memory for it, and its name may lead elsewhere by now.
    pub most: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            idle: Duration::from_mins(10),
            most: Duration::from_mins(30),
        }
    }
}

impl Lifetimes {
    /// Take them out of `layers`.
    pub(super) fn take(layers: &mut Layers) -> Self {
        let Self { idle, most } = Self::default();
        Self {
            idle: layers.take("database_idle_timeout", idle, at_least_a_second),
            most: layers.take("database_max_lifetime", most, at_least_a_second),
        }
    }
}
