//! Scheduling of requests: admission, queueing, and demotion to low priority.

pub(super) mod admission;
pub(super) mod ewma;
pub(super) mod penalty;
