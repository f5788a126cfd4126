//! Releases come and go on nodes that serve.

mod access;
mod canary;
mod canary_analysis;
mod canary_fleet;
mod canary_load;
mod canary_steps;
mod commands;
mod damage;
pub mod failures;
mod fleet;
mod history;
mod hostile_registry;
mod load;
mod offline;
mod parallel;
mod readiness;
mod regions;
mod registry;
mod restarts;
mod startup;
mod steps;
mod swaps;
mod together;
mod traffic;
mod unavailable;
