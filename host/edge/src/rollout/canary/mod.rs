//! Canary analysis: compares a canary with the active release, and finds out
//! whether it does worse.
//!
//! Both releases answer at the same time on the same nodes. A node counts their
//! requests in short blocks of time ([`lane_counter`]), each block is one round of
//! a sequential test ([`evidence`]), and the tests of all routes, of errors and
//! of latency share one bound on false alarms ([`verdict`]). The method and its
//! figures are in `docs/canary.md`.

pub(super) mod analysis;
mod comparison;
mod counting;
pub(super) mod decisions;
mod evidence;
mod lane_counter;
#[cfg(test)]
mod simulation;
mod thresholds;
mod verdict;

pub use comparison::Comparison;
pub use counting::CALLS;
pub use evidence::{Count, Evidence};
pub use lane_counter::Side;
pub use thresholds::Thresholds;
pub use verdict::{FLEET_ALPHA, Lane, NODE_ALPHA, Totals, analyze, p_value};
