//! What manifests need to declare counters.

#[path = "../../host/src/telemetry/counters.rs"]
pub mod counters;
