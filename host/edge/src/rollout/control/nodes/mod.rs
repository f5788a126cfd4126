//! Nodes of the shop: their reports, their versions, and the secret with which they sign.

mod older_versions;
mod record;
mod refused_joins;
mod secret_fingerprint;

pub use record::{NodeRecord, SILENCE};
