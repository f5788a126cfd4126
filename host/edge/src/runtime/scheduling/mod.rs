//! Which requests run now, which wait, and which are rejected.

pub(super) mod admission;
pub(super) mod ewma;
pub(super) mod penalty;
