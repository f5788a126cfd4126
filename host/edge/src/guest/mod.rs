//! State that the host keeps for one instance and for one call, with the limits on both.

pub(crate) mod ambient;
pub(crate) mod bounds;
pub(crate) mod call;
pub(crate) mod cohort;
pub(crate) mod consistency;
pub(crate) mod cpu_permits;
pub(crate) mod cpu_time;
pub(crate) mod demotion;
pub(crate) mod grants;
pub(crate) mod host_call_stats;
pub(crate) mod host_calls;
pub(crate) mod ledger;
pub(crate) mod memory;
pub(crate) mod operation;
pub(crate) mod output;
pub(crate) mod session;
pub(crate) mod shared;
pub(crate) mod sql_session;
pub(crate) mod state;
pub(crate) mod stats;
pub(crate) mod store;

pub(crate) use bounds::BODY_CHUNK;
pub use call::{Call, CallError};
pub use cohort::Cohort;
pub use consistency::ReadConsistency;
pub use demotion::Demotion;
pub use grants::{Buckets, ConfigValues, Granted, Outbound, PluginLimits};
pub use host_call_stats::HostCallStats;
pub use host_calls::HostCall;
pub use ledger::{Basis, Effect, Ledger, Unshareable};
pub use operation::{AsOutcome, Interface, Operation, Outcome};
pub use session::Session;
pub use sql_session::SqlSession;
pub use state::State;
pub use stats::{Sample, Stats, Tally};
