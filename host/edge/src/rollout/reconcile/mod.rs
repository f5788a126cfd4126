//! Follows the release log: brings one node to the releases that its region is
//! to serve, and reports the node's state.

mod activation;
pub(super) mod activations;
pub(super) mod activity;
pub(super) mod bootstrap;
pub(super) mod connections;
pub(super) mod incarnation;
pub(super) mod keys;
mod node_report;
pub(super) mod pending;
mod rates;
pub(super) mod readiness;
pub(super) mod reconciler;
pub(super) mod refusals;
mod withdrawal;
