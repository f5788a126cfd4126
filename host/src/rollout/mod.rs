//! Releases: from a plugin's folder to something that answers requests.

mod load;
pub mod manifest;
mod release;
mod route_limits;
mod schedule;
mod seed;
mod services;

pub use load::{LoadError, Loader, Source, runtime_for};
pub use release::Release;
pub use route_limits::RouteLimit;
pub use schedule::Scheduler;
pub use seed::SeedError;
pub use services::{GrantError, Services, ServicesError};
