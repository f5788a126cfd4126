//! What operators see of a node: metrics, traces and logs.

pub mod collector;
mod deploy;
mod logs;
pub mod metrics;
mod promtool;
mod traces;
