//! Follows the release log: brings one node to the releases that its region is
//! to serve, and reports the node's state.

pub(super) mod activations;
pub(super) mod bootstrap;
pub(super) mod connections;
pub(super) mod incarnation;
pub(super) mod keys;
pub(super) mod readiness;
pub(super) mod reconciler;
pub(super) mod refusals;
