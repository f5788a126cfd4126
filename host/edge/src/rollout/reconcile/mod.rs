//! Follows the release log: leads one node to what its region is to serve, and reports it.

pub(super) mod activations;
pub(super) mod bootstrap;
pub(super) mod connections;
pub(super) mod incarnation;
pub(super) mod keys;
pub(super) mod readiness;
pub(super) mod reconciler;
pub(super) mod refusals;
