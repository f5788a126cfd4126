//! The rollout controller: one node of the shop leads each rollout through its regions, by entries
//! in the release log.

mod advance;
pub(super) mod canary;
pub(super) mod canary_check;
pub(super) mod controller;
pub(super) mod fleet;
pub(super) mod fleet_health;
pub(super) mod forgetting;
pub(super) mod healthy_time;
pub(super) mod observer;
pub(super) mod offline;
pub(super) mod region_health;
mod region_progress;
pub(super) mod revert;
mod revert_step;
pub mod rollback;
pub(super) mod rollout_progress;
pub(super) mod steps;
