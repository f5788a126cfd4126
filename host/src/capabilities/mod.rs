//! What an instance may import: one file for each interface, each with the
//! manifest's grant checked before anything reaches a store.

pub mod outbound;
pub mod sql;
