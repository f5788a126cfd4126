//! Settings of a node's connections to database servers.

use stores::sql::Lifetimes;

use super::layers::Layers;
use super::values::at_least_a_second;

/// Takes the settings of [`Lifetimes`] out of `layers`.
pub(super) fn take_lifetimes(layers: &mut Layers) -> Lifetimes {
    let usual = Lifetimes::default();
    let mut take = |key, default| layers.take(key, default, at_least_a_second);
    Lifetimes {
        idle_timeout: take("database_idle_timeout", usual.idle_timeout),
        max_lifetime: take("database_max_lifetime", usual.max_lifetime),
    }
}

/// Minimum of connections of a node, four of which the host itself uses.
const FEWEST: u32 = 8;
const MOST: u32 = 100_000;

/// Parses the limit on the node's connections to database servers; `off` is no
/// limit.
pub(super) fn total(text: &str) -> Result<Option<u32>, String> {
    match text.parse() {
        Ok(connections @ FEWEST..=MOST) => Ok(Some(connections)),
        _ if text == "off" => Ok(None),
        _ => Err(format!(
            "is neither `off` nor a whole number from {FEWEST} to {MOST}"
        )),
    }
}
