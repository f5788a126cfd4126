//! Rollout of releases: prepares a plugin's bundle, serves it on one node, and
//! leads changes of the active release through all nodes.

pub(super) mod backends;
pub mod canary;
pub mod check;
pub mod control;
pub mod lead;
mod prepare;
mod reconcile;
pub(super) mod report;
mod serving;

pub use backends::{Backends, BackendsError, GrantError, token_keys};
pub use canary::analysis::{ReleaseMetrics, ReleaseThresholds};
pub use canary::decisions::{Decision, Decisions};
pub use control::log::filled_from;
pub use control::notifier::Notifier;
pub use lead::controller::RolloutController;
pub use lead::fleet::compared;
pub use lead::fleet_health::{FleetHealth, FleetSample};
pub use lead::offline::{OfflineOutcome, OfflineRollback, open_control, roll_back_offline};
pub use lead::rollout_progress::{CanaryProgress, RolloutProgress};
pub use prepare::activate_error::ActivateError;
pub use prepare::activator::Activator;
pub use prepare::adoption::{AdoptionError, PluginAdoption, check_adoption};
pub use prepare::load::Loader;
pub use prepare::load_error::LoadError;
pub use prepare::migration::{MigrationError, Migrator};
pub use prepare::seed::SeedError;
pub use prepare::source::{Source, runtime_for};
pub use reconcile::activity::Activity;
pub use reconcile::bootstrap::{AdoptError, AllDesired, Desired, Folder, Unreadable};
pub use reconcile::connections::NodeConnections;
pub use reconcile::incarnation::replace_incarnation;
pub use reconcile::keys::{KeyRing, Keys, KeysError, mismatch};
pub use reconcile::pending::{Backlog, Deferred, MissingPlugin};
pub use reconcile::readiness::{Readiness, ReadinessCell};
pub use reconcile::reconciler::{NodeName, Reconciler};
pub use report::{
    CanaryReport, ConnectionReport, KeyRings, PluginReport, ReleaseReport, Report, State,
};
pub use serving::active::{ActivePlugin, Canary, Plugins};
pub use serving::live::{IncompatibleError, ServingState, Snapshot};
pub use serving::paths::{strip_prefix_ignoring_case, without_mount};
pub use serving::release::{Release, SchemaError};
pub use serving::route_limits::RouteLimit;
pub use serving::routes::{Match, Route, RouteError, RouteTable};
pub use serving::scheduler::Scheduler;
