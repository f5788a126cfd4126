//! What a rate limit is.

#[path = "../../../host/src/stores/limiter/policy.rs"]
mod policy;

pub use policy::{Policy, PolicyError};
