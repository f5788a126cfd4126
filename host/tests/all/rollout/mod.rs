//! Releases come and go on nodes that serve.

mod access;
mod canary;
mod commands;
mod damage;
mod failures;
mod fleet;
mod load;
mod metrics;
mod regions;
mod restarts;
mod startup;
mod steps;
mod swaps;
mod together;
