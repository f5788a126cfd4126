//! How long a node keeps connections to a database server.

use std::time::Duration;

use super::layers::Layers;
use super::values::at_least_a_second;

/// When a connection is closed, for the server's sake.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// Once nobody has needed it for so long: the server keeps some memory and
    /// a thread for each.
    pub idle_timeout: Duration,
    /// Once it is so old and has nothing to do: the server may have grown a
    /// lot of memory for it, and its name may lead elsewhere by now.
    pub max_lifetime: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            idle_timeout: Duration::from_mins(10),
            max_lifetime: Duration::from_mins(30),
        }
    }
}

impl Lifetimes {
    /// Take them out of `layers`.
    pub(super) fn take(layers: &mut Layers) -> Self {
        let usual = Self::default();
        let mut take = |key, default| layers.take(key, default, at_least_a_second);
        Self {
            idle_timeout: take("database_idle_timeout", usual.idle_timeout),
            max_lifetime: take("database_max_lifetime", usual.max_lifetime),
        }
    }
}

/// The fewest and the most connections of a node: four are the host's own.
const FEWEST: u32 = 8;
const MOST: u32 = 100_000;

/// Connections to database servers of the whole node.
pub(super) fn total(text: &str) -> Result<Option<u32>, String> {
    match text.parse() {
        Ok(connections @ FEWEST..=MOST) => Ok(Some(connections)),
        _ if text == "off" => Ok(None),
        _ => Err(format!(
            "is neither `off` nor a whole number from {FEWEST} to {MOST}"
        )),
    }
}
