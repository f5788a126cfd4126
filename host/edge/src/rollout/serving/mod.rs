//! Serves requests: the active releases and canaries of a node, their routes
//! and their scheduled tasks.

pub(super) mod active;
pub(super) mod live;
pub(super) mod paths;
pub(super) mod release;
pub(super) mod route_limits;
pub(super) mod routes;
mod scheduled_task;
pub(super) mod scheduler;
pub(super) mod secret_segments;
pub(super) mod templates;
