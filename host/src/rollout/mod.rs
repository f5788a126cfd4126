//! Releases: from a plugin's folder to something that answers requests, on one
//! node and on all.

mod activator;
mod adopt;
pub mod bundle;
pub mod control;
mod deployed;
mod driver;
mod follower;
mod judge;
mod live;
mod load;
pub mod manifest;
mod paths;
mod production;
mod progress;
mod release;
mod report;
mod route_limits;
mod routes;
mod schedule;
mod seed;
mod services;
mod source;
mod templates;
mod together;
mod undo;
mod wake;

pub use activator::{ActivateError, Activator};
pub use adopt::{AdoptError, Desired, Folder};
pub use deployed::{Deployed, Trial};
pub use driver::Driver;
pub use follower::{Activity, Backlog, Follower, NodeName};
pub use judge::{Margins, Record};
pub use live::{Live, Plugins, Serving, UnfitError};
pub use load::{LoadError, Loader};
pub use paths::{strip_prefix_ignoring_case, without_mount};
pub use release::Release;
pub use report::{PluginReport, ReleaseReport, Report, State, TrialReport};
pub use route_limits::RouteLimit;
pub use routes::{Match, Route, RouteError, RouteTable};
pub use schedule::Scheduler;
pub use seed::SeedError;
pub use services::{GrantError, Services, ServicesError};
pub use source::{Source, runtime_for};
pub use wake::Wake;
