//! Leads rollouts: one node of the shop moves the release log, region by region.

pub(super) mod canary;
pub(super) mod canary_check;
pub(super) mod controller;
pub(super) mod fleet;
pub(super) mod fleet_health;
pub(super) mod forgetting;
pub(super) mod healthy_time;
pub(super) mod observer;
pub(super) mod offline;
pub(super) mod progress;
pub(super) mod revert;
pub mod rollback;
pub(super) mod steps;
