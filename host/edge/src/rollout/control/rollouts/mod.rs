//! Rollouts in the control database: their phases, their plans and their state in each region.

mod check_failures;
mod phase;
mod plan;
mod plan_progress;
mod regions;
mod rollout;

pub use check_failures::{CheckFailure, describe_failures};
pub use phase::Phase;
pub use plan::Plan;
pub use plan_progress::PlanRecord;
pub use regions::{
    AT_START, MaxUnavailable, NewRolloutRegion, RolloutRegion, expected_nodes, live_nodes,
};
pub use rollout::{NewRollout, Rollout, new_rollout_id};
