//! A compiled and linked release of a plugin, through which every request to it goes.

mod jobs;
mod load;
mod requests;
mod services;
mod spans;
mod spec;

use std::sync::Arc;
use std::time::Duration;

use bundle::component::Exports;
use stores::keyvalue::Bucket;
use tokio::sync::Semaphore;
use tokio::task::JoinError;
use wasmtime::component::InstancePre;

use super::engine::slots::Reservation;
use super::handlers::record::RecordHandler;
use super::handlers::wasi_http::WasiHttpHandler;
use super::linking::ServiceLinks;
use super::scheduling::admission::{Admission, Occupancy};
use super::scheduling::penalty::Penalty;
use crate::guest::call::CallError;
use crate::guest::shared::Shared;
use crate::guest::state::State;
use crate::guest::stats::Stats;

pub use jobs::AccountTask;
pub use load::LoadError;
pub(crate) use requests::is_failure;
pub use spec::{LinkerFn, PluginSpec};

/// A loaded release, ready to answer requests.
pub struct Plugin {
    shared: Arc<Shared>,
    admission: Admission,
    /// Permits for instances that run jobs (seeding, scheduled tasks, accounts), for which no
    /// client waits.
    job_permits: Semaphore,
    penalty: Penalty,
    deadline: Duration,
    pre: InstancePre<State>,
    exports: Exports,
    links: ServiceLinks,
    handler: Handler,
    // Dropped when the release and all of its instances are gone.
    _slots: Reservation,
}

enum Handler {
    Record(Box<RecordHandler>),
    WasiHttp(WasiHttpHandler),
}

impl Plugin {
    /// Returns the time limit for one request.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Returns the name of the plugin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Returns the counts of the requests and calls that this release has answered.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.shared.stats
    }

    /// Returns the name of the system that stores the plugin's buckets, as metrics use it; empty if
    /// the plugin has no buckets.
    #[must_use]
    pub fn keyvalue_system(&self) -> &'static str {
        let mut buckets = self.shared.granted.buckets.values();
        buckets.next().map_or("", Bucket::system)
    }

    /// Returns the number of instances, of busy instances and of waiting requests.
    #[must_use]
    pub fn occupancy(&self) -> Occupancy {
        self.admission.occupancy()
    }

    /// Returns whether no instance is busy and no request waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.admission.is_idle()
    }

    /// Returns the handler and the interfaces that the component exports.
    #[must_use]
    pub fn exports(&self) -> &Exports {
        &self.exports
    }
}

/// Returns the error for a panic of the host's own code, which fails that request and nothing else.
fn panicked(error: JoinError) -> CallError {
    CallError::Trap(wasmtime::Error::new(error))
}
