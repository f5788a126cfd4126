//! State that the host keeps for one instance.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::UpdateDeadline;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::ambient::AmbientUse;
use super::bounds;
use super::call::{
    Call, CallError, CpuTimeExceeded, MOST_DEPTH, ServiceFailed, TooManyCrossings, TooManyHostCalls,
};
use super::cpu_permits::CpuPermits;
use super::cpu_time::{CpuTimer, EPOCH_TICK};
use super::demotion::FOREGROUND;
use super::host_calls::HostCall;
use super::ledger::Unshareable;
use super::memory::MemoryLimit;
use super::operation::Operation;
use super::output::Output;
use super::session::Session;
use super::shared::{Bounds, Shared};
use super::sql_session::SqlSession;
use crate::guest::Granted;

/// State that the host keeps for one instance: the WASI contexts, the sessions of its capabilities,
/// and the limits of the request that it answers.
pub struct State {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    session: Session,
    plugin: Arc<str>,
    pub(crate) memory: MemoryLimit,
    pub(crate) meter: Arc<CpuTimer>,
    pub(crate) output: Output,
    ambient: AmbientUse,
    counts_ticks: bool,
    cpu_time: Duration,
    sql: Option<SqlSession>,
    keyvalue_handles: usize,
}

/// Trap that ends a guest whose call of another plugin is not allowed.
#[derive(Debug, thiserror::Error)]
enum CalledOut {
    #[error("a plugin was called while a transaction was open, which would wait for it")]
    WithTransaction,
    #[error("more than {MOST_DEPTH} plugins call each other in a row")]
    TooDeep,
}

impl State {
    /// Returns the state of a new instance of the plugin, which answers `call`.
    pub(super) fn new(shared: &Shared, call: Call, bounds: Bounds) -> Self {
        let output = Output::default();
        let ambient = AmbientUse::default();
        Self {
            table: bounds::table(),
            wasi: bounds::wasi(&output, &ambient),
            http: bounds::http(),
            session: Session::new(
                shared.granted.clone(),
                shared.stats.clone(),
                call,
                bounds.host_calls,
            ),
            plugin: shared.name.clone(),
            memory: MemoryLimit::new(shared.memory, shared.stats.clone()),
            meter: Arc::new(CpuTimer::new()),
            output,
            ambient,
            counts_ticks: false,
            cpu_time: bounds.cpu_time,
            sql: shared.granted.database.clone().map(SqlSession::new),
            keyvalue_handles: 0,
        }
    }

    /// Adds one tick of the epoch to the instance's processor time, if it counts ticks, and decides
    /// how the guest goes on.
    pub(super) fn tick(&self, cpu_permits: &Arc<CpuPermits>) -> wasmtime::Result<UpdateDeadline> {
        if self.counts_ticks {
            self.meter.add(EPOCH_TICK);
        }
        let spent = self.meter.total();
        if spent > self.cpu_time {
            return Err(CpuTimeExceeded.into());
        }
        if spent > FOREGROUND {
            self.call().demotion.set();
            if self.counts_ticks {
                return Ok(UpdateDeadline::YieldCustom(1, cpu_permits.yield_now()));
            }
        }
        Ok(UpdateDeadline::Yield(1))
    }

    /// Counts processor time in epoch ticks from now on, for an instance whose polls the host does
    /// not see. A wait in the host counts as one tick then.
    pub(crate) fn count_ticks(&mut self) {
        self.counts_ticks = true;
    }

    /// Starts another request in this instance, with the limits reset.
    pub(crate) fn begin(&mut self, call: Call, bounds: Bounds) {
        self.session.begin(call, bounds.host_calls);
        self.take_ambient();
        self.flush_cpu_time();
        self.cpu_time = bounds.cpu_time;
    }

    /// Notes in the request's ledger what the instance used for it, and whether the guest asked for a
    /// clock or a random number.
    pub(crate) fn note_end(&self) {
        let ledger = &self.call().ledger;
        ledger.add_usage(self.meter.total(), self.memory.used());
        if let Some(reason) = self.take_ambient() {
            self.call().ledger.note_unshareable(reason);
        }
    }

    fn take_ambient(&self) -> Option<Unshareable> {
        let (clock, random) = (self.ambient.take_clock(), self.ambient.take_random());
        let clock = clock.then_some(Unshareable::Clock);
        clock.or(random.then_some(Unshareable::Random))
    }

    /// Adds the processor time measured so far to the release's statistics, and resets the timer.
    pub(crate) fn flush_cpu_time(&self) {
        self.session.stats().add_cpu(self.meter.total());
        self.meter.reset();
    }

    /// Starts counting an operation that `system` answers, such as `mysql`; empty if there is none
    /// to report.
    #[must_use]
    pub fn begin_operation(&self, operation: Operation, system: &'static str) -> HostCall {
        self.session.begin_operation(operation, system)
    }

    /// Returns whether the guest left a transaction open.
    pub(crate) fn has_open_transactions(&self) -> bool {
        self.sql
            .as_ref()
            .is_some_and(SqlSession::has_open_transactions)
    }

    /// Counts one host call.
    ///
    /// # Errors
    /// Returns an error if the request has no host calls left. Each capability returns it as an
    /// error of its own interface.
    pub fn count_host_call(&mut self) -> Result<(), TooManyHostCalls> {
        self.session.count_host_call()
    }

    /// Counts one call of the guest into the host, WASI's functions included.
    ///
    /// # Errors
    /// Returns an error that ends the guest if the request has no such calls left.
    pub(super) fn count_crossing(&mut self) -> Result<(), TooManyCrossings> {
        self.session.count_crossing()
    }

    /// Returns the context of a call to another plugin, whose deadline is before this call's own.
    /// Counts one host call.
    ///
    /// # Errors
    /// Returns an error if the plugin has no host calls left, if plugins call each other too
    /// deeply, or if a transaction is open, which would wait for the other plugin.
    pub(crate) fn call_out(&mut self) -> wasmtime::Result<Call> {
        self.count_host_call()?;
        self.call().ledger.note_unshareable(Unshareable::Call);
        if self.has_open_transactions() {
            return Err(CalledOut::WithTransaction.into());
        }
        if self.call().depth == MOST_DEPTH {
            return Err(CalledOut::TooDeep.into());
        }
        Ok(Call {
            deadline: self.call().host_deadline(),
            depth: self.call().depth + 1,
            calling_plugin: Some(self.plugin.clone()),
            headers: Arc::default(),
            ..self.call().clone()
        })
    }

    /// Returns the grants of the plugin.
    #[must_use]
    pub fn granted(&self) -> &Granted {
        self.session.granted()
    }

    /// Returns the call that the instance is answering.
    #[must_use]
    pub fn call(&self) -> &Call {
        self.session.call()
    }

    /// Returns the reason why the guest ended, as far as the host knows it.
    pub(crate) fn classify_trap(&self, error: wasmtime::Error) -> CallError {
        if error.is::<CpuTimeExceeded>() {
            CallError::CpuTime
        } else if error.is::<TooManyCrossings>() {
            CallError::HostCalls
        } else if let Some(failed) = error.downcast_ref::<ServiceFailed>() {
            CallError::Service(failed.clone())
        } else if self.memory.was_refused() {
            CallError::Memory(error)
        } else {
            CallError::Trap(error)
        }
    }

    /// Returns the table of the instance's resources.
    pub fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }

    /// Returns the weight of the `wasi:keyvalue` handles that the instance holds, which is bounded.
    #[must_use]
    pub fn keyvalue_handles(&self) -> usize {
        self.keyvalue_handles
    }

    /// Returns the weight of the `wasi:keyvalue` handles, for updates.
    pub fn keyvalue_handles_mut(&mut self) -> &mut usize {
        &mut self.keyvalue_handles
    }

    /// Returns the table of the instance's resources, and its database session if a database is
    /// granted.
    pub fn sql(&mut self) -> (&mut ResourceTable, Option<&mut SqlSession>) {
        (&mut self.table, self.sql.as_mut())
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.flush_cpu_time();
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.session,
        }
    }
}
